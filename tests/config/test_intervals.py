"""Intervals of time in a file, and what is wrong with them."""

import zoneinfo
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from config.intervals import NamedInterval, Span, TimeInterval
from config.schema import Configuration

Load = Callable[..., Configuration]
Problems = Callable[..., list[str]]

RECEIVERS = "receivers: [{name: a}]\n"
USED = f"{RECEIVERS}route: {{receiver: a, routes: [{{mute_time_intervals: [x]}}]}}\n"
WHOLE = """
route:
  receiver: a
  routes:
  - mute_time_intervals: [nights, holidays]
    routes:
    - active_time_intervals: [office-hours]
receivers: [{name: a}]
time_intervals:
- name: nights
  time_intervals:
  - times:
    - {start_time: '22:00', end_time: '24:00'}
    - {start_time: 00:00, end_time: 07:05}
- name: office-hours
  time_intervals:
  - weekdays: ['Monday:Friday', sunday]
    months: ['January:3', '12']
    days_of_month: ['1:5', '-3:-1', 10:-2]
    years: ['2026:2028', 2030]
    location: Europe/Paris
mute_time_intervals:
- name: holidays
  time_intervals: [{}]
"""


def test_reads_every_key(load_yaml: Load) -> None:
    """Intervals come out as numbers, by their names, whichever key they stand under."""
    configuration = load_yaml(WHOLE)
    file = configuration.file
    outer = file.route.routes[0]

    assert (("nights", "holidays"), (), ("office-hours",)) == (
        outer.mute_time_intervals,
        outer.routes[0].mute_time_intervals,
        outer.routes[0].active_time_intervals,
    )
    assert {"nights", "office-hours", "holidays"} == file.intervals.keys()
    (nights,) = file.intervals["nights"].time_intervals
    assert [(1320, 1440), (0, 425)] == [(each.start_time, each.end_time) for each in nights.times or ()]
    (hours,) = file.intervals["office-hours"].time_intervals
    assert (Span(1, 5), Span(0, 0)) == hours.weekdays
    assert (Span(1, 3), Span(12, 12)) == hours.months
    assert (Span(1, 5), Span(-3, -1), Span(10, -2)) == hours.days_of_month
    assert (Span(2026, 2028), Span(2030, 2030)) == hours.years
    assert (ZoneInfo("Europe/Paris"), UTC) == (hours.location, nights.location)
    assert (TimeInterval(),) == file.intervals["holidays"].time_intervals


def test_warns_of_what_may_not_be_meant(load_yaml: Load) -> None:
    """The key of old, what no route names, what is at no time, and a zone that another machine has."""
    lines = [
        "mute_time_intervals: [{name: x, time_intervals: [{location: Local}]}]",
        "time_intervals: [{name: y}, {name: z, time_intervals: [{times: []}]}]",
    ]
    warnings = load_yaml(USED + "\n".join(lines)).warnings

    assert [
        "f.yml:3:1 mute_time_intervals: is what time_intervals was called before; both mean the same",
        "f.yml:3:51 mute_time_intervals[0].time_intervals[0].location: "
        "is where this runs, not where Alertmanager does; better name it",
        "f.yml:4:18 time_intervals[0]: is at no time: it has no time_intervals",
        "f.yml:4:19 time_intervals[0].name: no route names 'y'",
        "f.yml:4:30 time_intervals[1].name: no route names 'z'",
        "f.yml:4:57 time_intervals[1].time_intervals[0].times: "
        "is at no time: it is empty; without the key it is at any",
    ] == ["f.yml" + each.rpartition("/f.yml")[2] for each in warnings]


def test_names_lead_somewhere(problems_of: Problems) -> None:
    """A route names intervals that there are, by names that are one's own; the root route none."""
    text = (
        "route: {receiver: a, mute_time_intervals: [nights], active_time_intervals: [ever],\n"
        "  routes: [{active_time_intervals: [night], routes: [{mute_time_intervals: [nights, zzz]}]}]}\n"
        f"{RECEIVERS}"
        "time_intervals: [{name: nights, time_intervals: [{}]}]\n"
        "mute_time_intervals: [{name: nights, time_intervals: [{}]}, {name: ''}, {time_intervals: []}]\n"
    )

    assert [
        "f.yml:1:22 route.mute_time_intervals: the root route is always there: name intervals on a route below it",
        "f.yml:1:53 route.active_time_intervals: the root route is always there: name intervals on a route below it",
        "f.yml:1:77 route.active_time_intervals[0]: no interval is called 'ever'",
        "f.yml:2:37 route.routes[0].active_time_intervals[0]: no interval is called 'night'; did you mean nights?",
        "f.yml:2:85 route.routes[0].routes[0].mute_time_intervals[1]: no interval is called 'zzz'",
        "f.yml:4:19 time_intervals[0].name: another interval has this name",
        "f.yml:5:62 mute_time_intervals[1].name: should be 1 to 200 characters that can be printed",
        "f.yml:5:73 mute_time_intervals[2].name: is missing",
    ] == problems_of(text)


ORDER = "ends before it starts; what goes over the end of the week or year is two of them"
DAYS = "should be days from 1 to 31, or from -1, the last one, to -31, as in 1:5 or -3:-1"
CLOCK = "should be a time from 00:00 to 24:00 with two digits each, as in 09:30"
ZONE = "is no time zone that is known here; should be one as Europe/Paris, or UTC"
MONTHS = "should be months' names or numbers from 1 to 12, as in january:march or 10:12"
YEARS = "should be years, as in 2026 or 2026:2028"
ONE_OR_TWO = "should be one, or two with one : between, as in 1:5"
BACKWARDS = "should start before it ends; what goes over midnight is two: until 24:00, and from 00:00"
START = "is no key here; did you mean start_time?"
NAMES = (
    "should be days' names, as in monday:friday; there are: "
    "sunday, monday, tuesday, wednesday, thursday, friday, saturday"
)


@pytest.mark.parametrize(
    ("element", "place", "message"),
    [
        ("weekdays: [monday, 'friday:monday']", ".weekdays[1]", ORDER),
        ("weekdays: [mon]", ".weekdays[0]", NAMES),
        ("weekdays: ['1:5']", ".weekdays[0]", NAMES),
        ("weekdays: ['monday:tuesday:friday']", ".weekdays[0]", ONE_OR_TWO),
        ("weekdays: [[monday]]", ".weekdays[0]", "should be text"),
        ("weekdays: [null]", ".weekdays[0]", "should be text"),
        ("weekdays: monday", ".weekdays", "should be a list"),
        ("days_of_month: ['0']", ".days_of_month[0]", DAYS),
        ("days_of_month: ['1:32']", ".days_of_month[0]", DAYS),
        ("days_of_month: ['-32']", ".days_of_month[0]", DAYS),
        ("days_of_month: ['1:']", ".days_of_month[0]", DAYS),
        ("days_of_month: ['5:3']", ".days_of_month[0]", "ends before it starts in a short month"),
        ("days_of_month: ['28:-1']", ".days_of_month[0]", "ends before it starts in a short month"),
        (
            "days_of_month: ['-3:5']",
            ".days_of_month[0]",
            "starts counted from the month's end, and so should end, as in -3:-1",
        ),
        ("months: ['13']", ".months[0]", MONTHS),
        ("months: ['janvier']", ".months[0]", MONTHS),
        ("months: ['december:january']", ".months[0]", ORDER),
        ("years: ['2028:2026']", ".years[0]", ORDER),
        ("years: ['MMXX']", ".years[0]", YEARS),
        ("years: ['" + "9" * 5_000 + "']", ".years[0]", YEARS),
        ("years: ['9223372036854775808']", ".years[0]", YEARS),
        ("years: ['٢٠٢٦']", ".years[0]", YEARS),
        ("times: [{start_time: '9:00', end_time: '10:00'}]", ".times[0].start_time", CLOCK),
        ("times: [{start_time: '09:00', end_time: '24:01'}]", ".times[0].end_time", CLOCK),
        ("times: [{start_time: '09:00', end_time: [17]}]", ".times[0].end_time", CLOCK),
        ("times: [{start_time: '09:00'}]", ".times[0].end_time", "is missing"),
        ("times: [{start_time: '17:00', end_time: '09:00'}]", ".times[0]", BACKWARDS),
        ("times: [{start_time: '17:00', end_time: '17:00'}]", ".times[0]", BACKWARDS),
        ("times: ['09:00-17:00']", ".times[0]", "should be a mapping"),
        ("times: [{start_time: '09:00', end_time: '10:00', start: a}]", ".times[0].start", START),
        ("location: Europe/Pari", ".location", ZONE),
        ("location: Europe", ".location", ZONE),
        ("location: ../../etc/passwd", ".location", ZONE),
        ("location: /etc/localtime", ".location", ZONE),
        (f"location: {'a' * 5_000}", ".location", ZONE),
        ("location: [UTC]", ".location", "should be text"),
        ("days: [monday]", ".days", "is no key here; did you mean weekdays?"),
    ],
)
def test_refuses_what_is_no_interval(problems_of: Problems, element: str, place: str, message: str) -> None:
    """Each at its place, with what to write instead."""
    found = problems_of(f"{USED}time_intervals: [{{name: x, time_intervals: [{{{element}}}]}}]\n")

    assert [f"time_intervals[0].time_intervals[0]{place}: {message}"] == [each.partition(" ")[2] for each in found]


@pytest.mark.parametrize("value", ["x", "{name: x}", "[x]", "[[]]", "[{name: [x]}]", "[{name: x, time_intervals: {}}]"])
def test_refuses_other_shapes(problems_of: Problems, value: str) -> None:
    """A list of mappings, with a name and a list in each: nothing else, and no traceback."""
    assert [] != problems_of(f"{RECEIVERS}route: {{receiver: a}}\ntime_intervals: {value}\n")


def test_the_machine_has_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Local is what TZ names, UTC where it is empty."""
    found = []
    for name in ("Asia/Kathmandu", ":Asia/Kathmandu", ""):
        monkeypatch.setenv("TZ", name)
        (element,) = NamedInterval.model_validate(
            {"name": "x", "time_intervals": [{"location": "Local"}]}
        ).time_intervals
        found.append(element.location)

    assert [ZoneInfo("Asia/Kathmandu"), ZoneInfo("Asia/Kathmandu"), UTC] == found


def test_zones_are_known_without_the_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the system has no zones, those of the package tzdata are there."""
    with pytest.raises(ZoneInfoNotFoundError):
        ZoneInfo.no_cache("Europe/Nowhere")
    zoneinfo.reset_tzpath([str(tmp_path)])
    try:
        assert "Europe/Paris" == ZoneInfo.no_cache("Europe/Paris").key
    finally:
        zoneinfo.reset_tzpath()
