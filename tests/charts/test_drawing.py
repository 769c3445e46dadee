"""One drawing as a PNG and as an SVG: its size, its words, what refers outside, and whatever text and values come."""

import math
import re
import struct
import sys
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import charts
import units
from charts import Drawing, Form

END = datetime(2026, 3, 2, 7, 46, tzinfo=UTC)
MIB = 1024**2
GROWING = tuple(float((120 + at) * MIB) for at in range(121))
FORMS: tuple[Form, ...] = ("png", "svg")
SVG = "{http://www.w3.org/2000/svg}"


def drawing(values: tuple[float, ...] = GROWING, unit: str = "bytes", **more: Any) -> Drawing:
    """Returns the memory of a pod over an hour; what is given is otherwise."""
    given: dict[str, Any] = {
        "title": "memory",
        "about": "customer/rs-transformer-1 · KubePodCrashLooping",
        "description": "memory over the hour: 240 MiB of 256 MiB (94%)",
        "unit": unit,
        "write": partial(units.quantity, unit=unit),
        "start": END - timedelta(hours=1),
        "end": END,
        "values": values,
        "began_at": END - timedelta(minutes=14),
        "bounds": (("request", 128.0 * MIB), ("limit", 256.0 * MIB)),
    }
    return Drawing(**{**given, **more})


def svg(shown: Drawing) -> ElementTree.Element:
    """Returns the SVG, parsed."""
    return ElementTree.fromstring(charts.draw(shown, "svg"))


def said(shown: Drawing) -> str:
    """Returns the words of an SVG: matplotlib writes beside the shapes of letters what they say."""
    return "\n".join(re.findall(r"<!-- (.*?) -->", charts.draw(shown, "svg").decode(), re.DOTALL))


def size(png: bytes) -> tuple[int, int]:
    """Returns the width and the height that a PNG says it has."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_a_png_is_twice_as_large_as_it_is_shown() -> None:
    """So that it is sharp where a pixel is small, and few bytes."""
    drawn = charts.draw(drawing(), "png")
    assert (960, 480) == size(drawn)
    assert len(drawn) < 60_000


def test_an_svg_is_an_image_with_words() -> None:
    """It has a size, a title, and what is to be seen for who does not see it."""
    root = svg(drawing())
    assert (f"{SVG}svg", "img", "480", "240") == (root.tag, root.get("role"), root.get("width"), root.get("height"))
    assert "memory" == root.findtext(f"{SVG}title")
    assert "memory over the hour: 240 MiB of 256 MiB (94%)" == root.findtext(f"{SVG}desc")


def test_an_svg_refers_to_nothing_outside() -> None:
    """No document type, no link, no script, no font: only shapes of its own."""
    text = charts.draw(drawing(), "svg").decode()
    names = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")
    assert set(names) == set(re.findall(r"https?:[^\"'\s)]+", text))
    assert not re.search(r"<!DOCTYPE|<\?xml|<script|<image|@import|url\((?!#)|font-family|<metadata", text)
    assert all(each.startswith("#") for each in re.findall(r'href="([^"]*)"', text))


def test_an_svg_follows_the_readers_light() -> None:
    """No colour stands in it but as one of the two that each thing has."""
    text = charts.draw(drawing(), "svg").decode()
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert "@media(prefers-color-scheme:dark)" in style[1]
    body = text.replace(style[0], "")
    assert not re.findall(r"(?:fill|stroke|color)\s*[:=]\s*\"?#[0-9a-f]{3,6}", body)
    used, light = set(re.findall(r"var\((--c\d)\)", body)), set(re.findall(r"(--c\d):#", style[1]))
    assert used <= light


def test_says_what_each_line_is() -> None:
    """The series' last value, its bounds, when the alert began, and the scales, each in its unit."""
    words = said(drawing()).splitlines()
    assert {
        "memory",
        "customer/rs-transformer-1 · KubePodCrashLooping",
        "2026-03-02 UTC",
        "240 MiB",
        "limit 256 MiB",
        "request 128 MiB",
        "alert began 07:32",
        "07:00",
        "07:30",
        "64 MiB",
    } <= set(words)


@pytest.mark.parametrize(
    ("began_at", "expected"),
    [
        (END - timedelta(hours=3), "◂ alert began 04:46"),
        (END - timedelta(days=3), "◂ alert began 2026-02-27 07:46"),
        (END + timedelta(minutes=2), "alert began 07:48 ▸"),
        (END, "alert began 07:46"),
        (END - timedelta(hours=1), "alert began 06:46"),
    ],
)
def test_says_when_the_alert_began(began_at: datetime, expected: str) -> None:
    """Also where that is not within what is shown."""
    assert expected in said(drawing(began_at=began_at)).splitlines()


def test_a_bound_that_is_far_away_is_only_named() -> None:
    """A line on the ground would tell nothing of the series."""
    words = said(drawing(bounds=(("limit", 1e6 * MIB),)))
    assert "limit 977 GiB ↑" in words.splitlines()
    assert "256 MiB" in words.splitlines()


def test_a_gap_stays_a_gap() -> None:
    """What is not known is not bridged, and a value between two gaps is a dot."""
    whole, holed = drawing(), list(GROWING)
    holed[40:50] = [math.nan] * 10
    holed[44] = GROWING[44]

    def paths(shown: Drawing) -> int:
        # The series is drawn in one tone, without another's dashes.
        return len(re.findall(r'clip|style="fill: none; stroke: var\(--c4\)', charts.draw(shown, "svg").decode()))

    assert paths(whole) + 1 == paths(drawing(tuple(holed)))


@pytest.mark.parametrize("values", [(), (math.nan,), (math.nan,) * 121, (math.inf, -math.inf)])
def test_says_that_there_is_no_data(values: tuple[float, ...]) -> None:
    """An empty series is drawn as such."""
    assert "no data" in said(drawing(values))


@pytest.mark.parametrize("values", [(0.0,) * 121, (3.0,) * 121, (-2.0,) * 121, (1e-300,) * 3, (7.0,)])
@pytest.mark.parametrize("bounds", [(), (("threshold", 3.0),), (("limit", math.nan), ("request", math.inf))])
def test_draws_what_does_not_change(values: tuple[float, ...], bounds: tuple[tuple[str, float], ...]) -> None:
    """A constant series has a scale, too."""
    root = svg(drawing(values, "", bounds=bounds))
    assert not re.search(r"\b(?:nan|inf)\b", ElementTree.tostring(root, encoding="unicode").replace("<!--", ""))


@pytest.mark.parametrize(
    "text",
    [
        "$x^2$ and $\\frac{1}{",
        "<script>alert(1)</script>&amp;]]>--><!--",
        "🔥 पॉड \u202e\ufeff\u2028 日本",
        "nul \x00 \x1b[31m \x7f \ud83d",
        "x" * 100_000,
        "two\nlines\tand more",
        "",
        " ",
        "#1d4ed8 var(--c1)",
        "--",
    ],
    ids=["mathtext", "markup", "scripts", "control", "long", "lines", "empty", "blank", "colours", "comment"],
)
@pytest.mark.parametrize("form", FORMS)
def test_no_text_breaks_it(text: str, form: Form) -> None:
    """Titles, subjects, descriptions and units are anybody's: they are text, on one line, with room for the rest."""
    shown = drawing(title=text, about=text, description=text, unit=text, write=lambda value: f"{value:g} {text}")
    drawn = charts.draw(shown, form)
    if form == "svg":
        root = ElementTree.fromstring(drawn)
        assert not [each for each in root.iter() if "script" in str(each.tag)]
        assert len(drawn) < 300_000
    else:
        assert (960, 480) == size(drawn)


@given(
    values=st.lists(st.floats(), max_size=12).map(tuple),
    bounds=st.lists(st.tuples(st.sampled_from(("limit", "request", "threshold")), st.floats()), max_size=3).map(tuple),
    unit=st.sampled_from(("bytes", "cores", "seconds", "share", "", "things")),
    before=st.timedeltas(timedelta(seconds=-90), timedelta(days=400)),
)
@settings(max_examples=60, deadline=None)
def test_draws_any_values(
    values: tuple[float, ...], bounds: tuple[tuple[str, float], ...], unit: str, before: timedelta
) -> None:
    """Whatever Prometheus answers is drawn, or said not to be there."""
    root = svg(drawing(values, unit, bounds=bounds, began_at=END - before))
    assert f"{SVG}svg" == root.tag


@pytest.mark.parametrize("form", FORMS)
def test_draws_the_same_each_time(form: Form) -> None:
    """In any thread, beside others, and whatever was drawn before: caches and commits see no change."""
    expected = charts.draw(drawing(), form)
    found: list[bytes] = []

    def again() -> None:
        charts.draw(drawing(title="another"), form)
        found.append(charts.draw(drawing(), form))

    threads = [threading.Thread(target=again) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert [expected] * 4 == found


def test_changes_no_setting_of_matplotlib() -> None:
    """Who uses it beside us finds it as it was."""
    import matplotlib

    before = dict(matplotlib.rcParams)
    charts.draw(drawing(), "svg")
    assert before == dict(matplotlib.rcParams)


def test_is_not_there_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and what to do about it; nothing else fails."""
    for name in [each for each in sys.modules if each.partition(".")[0] == "matplotlib" or each == "charts.sheet"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(charts, "sheet", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    expected = "matplotlib is not installed (pip install -r requirements-charts.txt)"
    assert expected == charts.missing()
    with pytest.raises(charts.Missing) as raised:
        charts.draw(drawing(), "png")
    assert expected == str(raised.value)


def test_is_imported_only_when_something_is_drawn() -> None:
    """It takes a second or more, and fifty megabytes: who never looks at a picture has neither."""
    import subprocess

    look = "import app, sys, charts; charts.missing(); print('matplotlib' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-B", "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert "False False" == done.stdout.strip()
