"""A drawing on a sheet of 480 by 240 logical pixels, with matplotlib's artists and none of its axes.

Its axes would take several times as long, and would decide where things stand. No setting of matplotlib's is changed
for longer than the drawing lasts.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.transforms import Affine2D

from charts import scale, svg
from charts.drawing import Drawing, Form
from charts.svg import AREA, BEGAN, GRID, GROUND, INK, LIMIT, LINE, SOFT, THRESHOLD
from charts.words import POINTS, fitted, font, width

WIDTH, HEIGHT = 480, 240
_PNG_SCALE = 2
_LEFT, _TOP, _BOTTOM, _EDGE = 12.0, 76.0, 28.0, 12.0
_GAP = 6.0
_LABEL_ROOM = 15.0
_MOMENT_ROOM = 46.0
_LONGEST = 130.0
# Of two such values there is no difference that is a number.
_ENDLESS = 1e300
_SMALL, _NORMAL, _LARGE = 11.0, 12.0, 14.0
_TONES = {"limit": LIMIT, "threshold": THRESHOLD}
# Its names are a type of their own, in versions that have types.
_SETTINGS: Any = {"svg.fonttype": "path", "svg.hashsalt": "alert-manager", "path.simplify": False}


def draw(drawing: Drawing, form: Form) -> bytes:
    """Draw it; not in two threads at once."""
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=GROUND)
        canvas = FigureCanvasAgg(figure) if form == "png" else FigureCanvasSVG(figure)
        _Sheet(figure).draw(drawing)
        written = io.BytesIO()
        if form == "png":
            canvas.print_figure(written, format="png", dpi=100 * _PNG_SCALE, facecolor=GROUND)
            return written.getvalue()
        canvas.print_figure(written, format="svg", facecolor=GROUND, metadata={"Date": None})
        return svg.finished(written.getvalue().decode(), drawing.title, drawing.description, WIDTH, HEIGHT)


class _Sheet:
    """Where things are put, in logical pixels from the lower left."""

    def __init__(self, figure: Figure) -> None:
        self._figure = figure
        self._transform = Affine2D().scale(1 / WIDTH, 1 / HEIGHT) + figure.transFigure
        self._left = self._right = self._low = self._high = 0.0
        self._bottom, self._top = _BOTTOM, HEIGHT - _TOP
        self._start = self._end = datetime.fromtimestamp(0, UTC)

    def draw(self, drawing: Drawing) -> None:
        drawing = replace(drawing, values=tuple(each if abs(each) < _ENDLESS else math.nan for each in drawing.values))
        known = [value for value in drawing.values if math.isfinite(value)]
        bounds = [(name, value) for name, value in drawing.bounds if abs(value) < _ENDLESS]
        from_zero = drawing.unit != "" or any(name == "limit" for name, _ in bounds)
        self._low, self._high = scale.span(known, [value for _, value in bounds], from_zero)
        self._start, self._end = drawing.start, drawing.end
        ticks = scale.ticks(self._low, self._high, drawing.unit)
        marks = [fitted(each, _SMALL, _LONGEST) for each in scale.marks(ticks, drawing.unit, drawing.write)]
        labels = list(self._labels(drawing, known, bounds))
        self._left = _LEFT + max((width(mark, _SMALL) for mark in marks), default=0.0) + _GAP
        self._right = WIDTH - _EDGE - max((width(text, _NORMAL, bold) for _, text, _, bold in labels), default=0.0)
        self._right -= 2 * _GAP if labels else 0.0
        self._head(drawing)
        self._grid(ticks, marks)
        self._began(drawing)
        for name, value in bounds:
            if self._low <= value <= self._high:
                style = (0, (1.5, 2.5)) if name == "request" else (0, (5, 2.5))
                self._line([self._left, self._right], [self._y(value)] * 2, _TONES.get(name, SOFT), 1.3, style)
        self._series(drawing)
        self._label(labels)
        if not known:
            middle = ((self._left + self._right) / 2, (self._bottom + self._top) / 2)
            self._text(*middle, "no data", SOFT, _NORMAL, ha="center", va="center")

    def _head(self, drawing: Drawing) -> None:
        base = HEIGHT - 23
        when = drawing.end.astimezone(UTC).strftime("%Y-%m-%d UTC")
        self._text(WIDTH - _EDGE, base, when, SOFT, _SMALL, ha="right")
        room = WIDTH - _LEFT - _EDGE - width(when, _SMALL) - 2 * _GAP
        self._text(_LEFT, base, fitted(drawing.title, _LARGE, room, bold=True), INK, _LARGE, bold=True)
        about = fitted(drawing.about, _NORMAL, WIDTH - _LEFT - _EDGE)
        self._text(_LEFT, base - 18, about, SOFT, _NORMAL)

    def _grid(self, ticks: Sequence[float], marks: Sequence[str]) -> None:
        for tick, mark in zip(ticks, marks, strict=True):
            y = self._y(tick)
            self._line([self._left, self._right], [y, y], GRID, 1.0)
            self._text(self._left - _GAP, y, mark, SOFT, _SMALL, ha="right", va="center_baseline")
        for moment in scale.moments(self._start, self._end, (self._right - self._left) / _MOMENT_ROOM):
            x = self._x(moment)
            self._line([x, x], [self._bottom, self._bottom - 4], SOFT, 1.0)
            self._text(x, self._bottom - 16, moment.strftime("%H:%M"), SOFT, _SMALL, ha="center")

    def _began(self, drawing: Drawing) -> None:
        """Since when the alert fires: a line with its moment above, and all that follows faintly."""
        moment = drawing.began_at.astimezone(UTC)
        words, base = f"alert began {moment:%H:%M}", self._top + 7
        if not self._start <= moment <= self._end:
            words = f"alert began {moment:%Y-%m-%d %H:%M}" if moment.date() != self._end.date() else words
            before = moment < self._start
            x, side = (self._left, "left") if before else (self._right, "right")
            self._text(x, base, f"◂ {words}" if before else f"{words} ▸", BEGAN, _SMALL, ha=side)
            return
        x = self._x(moment)
        corners = [(x, self._bottom), (x, self._top), (self._right, self._top), (self._right, self._bottom)]
        self._area(corners, BEGAN, 0.07)
        self._line([x, x], [self._bottom, self._top + 4], BEGAN, 1.3)
        # To the left of it, where no other words are, if there is room.
        fits = x - width(words, _SMALL) >= _LEFT
        self._text(x + 1 if fits else x - 1, base, words, BEGAN, _SMALL, ha="right" if fits else "left")

    def _series(self, drawing: Drawing) -> None:
        step = (drawing.end - drawing.start) / max(len(drawing.values) - 1, 1)
        floor = self._y(0.0)
        for run in _runs(drawing.values):
            xs = [self._x(drawing.start + at * step) for at in run]
            ys = [self._y(drawing.values[at]) for at in run]
            if len(run) == 1:
                self._line(xs, ys, LINE, 0, marker=3.0)
                continue
            if self._low <= 0 <= self._high:
                # Else it would make much of a little.
                self._area([(xs[0], floor), *zip(xs, ys, strict=True), (xs[-1], floor)], AREA, 0.13)
            self._line(xs, ys, LINE, 1.8)

        last = next((at for at in range(len(drawing.values) - 1, -1, -1) if math.isfinite(drawing.values[at])), None)
        if last is not None:
            self._line([self._x(drawing.start + last * step)], [self._y(drawing.values[last])], LINE, 0, marker=6.5)

    def _labels(
        self, drawing: Drawing, known: Sequence[float], bounds: Sequence[tuple[str, float]]
    ) -> Iterator[tuple[float, str, str, bool]]:
        """What is to be said beside the lines: where, the words, their tone, and whether they are what matters most."""
        if known:
            yield known[-1], fitted(drawing.write(known[-1]), _NORMAL, _LONGEST, bold=True), LINE, True
        for name, value in bounds:
            beyond = " ↑" if value > self._high else " ↓" if value < self._low else ""
            words = f"{name} {drawing.write(value)}{beyond}"
            yield value, fitted(words, _NORMAL, _LONGEST), _TONES.get(name, SOFT), False

    def _label(self, labels: Sequence[tuple[float, str, str, bool]]) -> None:
        """What each line is, to the right of it."""
        placed = sorted(labels)
        wanted = [min(max(self._y(value), self._bottom), self._top) for value, *_ in placed]
        found = scale.apart(wanted, _LABEL_ROOM, self._bottom, self._top)
        for y, (_, text, tone, bold) in zip(found, placed, strict=True):
            self._text(self._right + 2 * _GAP, y, text, tone, _NORMAL, va="center_baseline", bold=bold)

    def _x(self, moment: datetime) -> float:
        whole = (self._end - self._start).total_seconds() or 1.0
        return self._left + (self._right - self._left) * (moment - self._start).total_seconds() / whole

    def _y(self, value: float) -> float:
        return self._bottom + (self._top - self._bottom) * (value - self._low) / (self._high - self._low)

    def _line(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        tone: str,
        thick: float,
        style: Any = "-",
        marker: float = 0.0,
    ) -> None:
        line = Line2D(
            xs,
            ys,
            color=tone,
            linewidth=thick * POINTS,
            linestyle=style if thick else "none",
            marker="o" if marker else "",
            markersize=marker * POINTS,
            markeredgewidth=0,
            markerfacecolor=tone,
            transform=self._transform,
            solid_capstyle="butt",
            solid_joinstyle="round",
            antialiased=True,
        )
        self._figure.add_artist(line)

    def _area(self, corners: Sequence[tuple[float, float]], tone: str, alpha: float) -> None:
        patch = Polygon(corners, closed=True, facecolor=tone, edgecolor="none", alpha=alpha, transform=self._transform)
        self._figure.add_artist(patch)

    def _text(
        self,
        x: float,
        y: float,
        text: str,
        tone: str,
        size: float,
        *,
        ha: str = "left",
        va: str = "baseline",
        bold: bool = False,
    ) -> None:
        self._figure.text(
            x / WIDTH,
            y / HEIGHT,
            text,
            color=tone,
            fontproperties=font(size, bold),
            horizontalalignment=ha,
            verticalalignment=va,
            parse_math=False,
            usetex=False,
        )


def _runs(values: Sequence[float]) -> Iterator[list[int]]:
    """The places of values that follow one another without a gap."""
    run: list[int] = []
    for at, value in enumerate(values):
        if math.isfinite(value):
            run.append(at)
        elif run:
            yield run
            run = []
    if run:
        yield run
