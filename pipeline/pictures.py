"""Pictures of readings: their URLs, made when something is shown or sent, and the drawing, when somebody looks.

Nothing of this is done when an alert is planned: a storm costs no more for it, and no page waits for a picture.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

import charts
import enrich
import units
from alerts.findings import Finding, Reading
from alerts.model import Alert
from alerts.notification import Image, Notification
from alerts.picture import Picture, picture
from alerts.severity import worst_first
from pipeline.tokens import Signer

_STEPS = 120
_KEPT = 100
# Whoever asks holds one of a process' threads: most of them are to be there for alerts.
_ASKING = 16
_PATIENCE_SECONDS = 5.0
_ALERTS_SHOWN = 2
_SHOWN = 4


class NoPicture(Exception):
    """It cannot be drawn; the message says why.

    Args:
        message: for people.
        later: whether it may be drawn soon.
    """

    def __init__(self, message: str, *, later: bool) -> None:
        super().__init__(message)
        self.later = later


class Pictures:
    """The pictures of one process; none without a signer.

    Args:
        prometheuses: each alert's is the first that knows about it.
        signer: signs their URLs.
        external_url: where far sides may reach this service; "" when that is not known.
        reason: why there is no signer.
    """

    def __init__(
        self,
        prometheuses: Sequence[enrich.Prometheus] = (),
        signer: Signer | None = None,
        external_url: str = "",
        reason: str = "nothing to sign their URLs with",
    ) -> None:
        self._prometheuses = prometheuses
        self._signer = signer
        self._external_url = external_url.rstrip("/")
        self._reason = reason
        self._asking = threading.BoundedSemaphore(_ASKING)
        self._turn = threading.Lock()
        self._kept = _Kept()

    @property
    def missing(self) -> str:
        """Why there are none at all; "" when there are."""
        return charts.missing() or ("" if self._signer else self._reason)

    def key_for(self, purpose: str) -> bytes | None:
        """A key of the same kind for something else; None where there is none."""
        return self._signer.key_for(purpose) if self._signer else None

    def of(self, alert: Alert, finding: Finding) -> Picture | None:
        """The picture of what was found of an alert, if it has one."""
        knows = next((each for each in self._prometheuses if each.knows(alert.labels)), None)
        return picture(alert, finding, knows.name) if knows and isinstance(finding, Reading) else None

    def token(self, shown: Picture) -> str:
        """What its URL ends in; "" where it has none."""
        return self._signer.token(shown) if self._signer else ""

    def find(self, token: str, now: datetime) -> tuple[Picture, datetime] | None:
        """What a token stands for and until when; None where it is none, or not good any more."""
        found = self._signer.picture(token, now) if self._signer else None
        return (found, self._signer.ends_at(found)) if self._signer and found else None

    def images(self, notification: Notification) -> tuple[Image, ...]:
        """The worst of a notification's readings, for far sides that fetch by https; none where they cannot."""
        if not self._external_url.startswith("https://") or self.missing:
            return ()
        firing = worst_first(notification.group.firing)[:_ALERTS_SHOWN]
        pictures = [(alert, each) for alert in firing for each in self._worst_first(alert, notification.shown(alert))]
        urls = [(self.token(each), each.alt, alert.fingerprint) for alert, each in pictures[:_SHOWN]]
        return tuple(Image(f"{self._external_url}/charts/{token}.png", alt, of) for token, alt, of in urls if token)

    def _worst_first(self, alert: Alert, findings: Iterable[Finding]) -> list[Picture]:
        readings = [each for each in findings if isinstance(each, Reading)]
        # What the rule itself is about tells most, then what is nearest to its limit.
        readings.sort(key=lambda each: (each.threshold is None, -(each.share or 0.0)))
        return [found for each in readings if (found := self.of(alert, each))]

    def draw(self, shown: Picture, form: charts.Form, deadline_seconds: float) -> tuple[bytes, bool]:
        """Draw it, or have it as it was drawn; one after the other.

        Args:
            deadline_seconds: for asking Prometheus. For a turn whoever asks waits five seconds at most.

        Returns:
            The picture, and whether it stays so: what shows nothing may show something the next time.

        Raises:
            NoPicture: it cannot be drawn.
        """
        if drawn := self._kept.get(shown, form):
            return drawn, True
        with self._in_turn():
            # Meanwhile another may have had it drawn.
            if drawn := self._kept.get(shown, form):
                return drawn, True
            start, values = self._values(shown, deadline_seconds)
            drawn, lasts = _drawn(shown, form, start, values), not all(map(math.isnan, values))
            if lasts:
                self._kept.keep(shown, form, drawn)
            return drawn, lasts

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        busy = NoPicture("too many pictures are asked for at once", later=True)
        if not self._asking.acquire(blocking=False):
            raise busy
        try:
            if not self._turn.acquire(timeout=_PATIENCE_SECONDS):
                raise busy
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._asking.release()

    def _values(self, shown: Picture, deadline_seconds: float) -> tuple[datetime, tuple[float, ...]]:
        """The series, from the first moment on, to the reading's."""
        prometheus = next((each for each in self._prometheuses if each.name == shown.prometheus), None)
        if prometheus is None:
            raise NoPicture("its Prometheus is not configured any more", later=False)
        seconds = (shown.at - shown.start).total_seconds()
        step = max(1, math.ceil(seconds / _STEPS))
        count = int(seconds // step)
        start = shown.at - timedelta(seconds=count * step)
        try:
            found = prometheus.range_query(shown.query, start, shown.at, step, deadline_seconds)
        except enrich.NoAnswer as reason:
            raise NoPicture(str(reason), later=True) from None
        if len(found) > 1:
            raise NoPicture(f"Prometheus has {len(found)} series for it, and a picture is of one", later=False)
        values = [math.nan] * (count + 1)
        for second, value in found[0].values if found else ():
            at = round((second - start.timestamp()) / step)
            if 0 <= at <= count:
                values[at] = value
        return start, tuple(values)


def _drawn(shown: Picture, form: charts.Form, start: datetime, values: tuple[float, ...]) -> bytes:
    drawing = charts.Drawing(
        title=shown.title,
        about=shown.about,
        description=shown.alt,
        unit=shown.unit,
        write=partial(units.quantity, unit=shown.unit),
        start=start,
        end=shown.at,
        values=values,
        began_at=shown.began_at,
        bounds=shown.bounds,
    )
    try:
        return charts.draw(drawing, form)
    except charts.Missing as reason:
        raise NoPicture(str(reason), later=False) from None


class _Kept:
    """What was drawn, as far as there is room: what nobody asks for goes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn: OrderedDict[tuple[Picture, charts.Form], bytes] = OrderedDict()

    def get(self, shown: Picture, form: charts.Form) -> bytes | None:
        with self._lock:
            drawn = self._drawn.get((shown, form))
            if drawn is not None:
                self._drawn.move_to_end((shown, form))
            return drawn

    def keep(self, shown: Picture, form: charts.Form, drawn: bytes) -> None:
        with self._lock:
            self._drawn[shown, form] = drawn
            if len(self._drawn) > _KEPT:
                self._drawn.popitem(last=False)
