"""When a route is muted, and when that ends: by tables, and against a slow way to say the same."""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.intervals import NamedInterval
from config.schema import Route
from routing import changes_at, muted

Element = Mapping[str, Any]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTE = timedelta(minutes=1)


def named(**elements: Sequence[Element]) -> dict[str, NamedInterval]:
    """Returns intervals by their names."""
    return {
        name: NamedInterval.model_validate({"name": name, "time_intervals": list(each)})
        for name, each in elements.items()
    }


def mutes(*names: str) -> Route:
    """Returns a route that is muted in these."""
    return Route.model_validate({"mute_time_intervals": list(names)})


def actives(*names: str) -> Route:
    """Returns a route that is active in these alone."""
    return Route.model_validate({"active_time_intervals": list(names)})


def at(text: str) -> datetime:
    """Returns a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(start: str, end: str) -> list[dict[str, str]]:
    """Returns a part of each day."""
    return [{"start_time": start, "end_time": end}]


NIGHT = {"times": [*hours("00:00", "07:00"), *hours("22:00", "24:00")]}
PARIS = {"location": "Europe/Paris"}


@pytest.mark.parametrize(
    ("element", "moment", "expected"),
    [
        ({}, "2026-01-01T00:00", True),
        ({"times": hours("09:00", "17:00")}, "2026-01-01T09:00", True),
        ({"times": hours("09:00", "17:00")}, "2026-01-01T08:59:59", False),
        ({"times": hours("09:00", "17:00")}, "2026-01-01T16:59:59", True),
        ({"times": hours("09:00", "17:00")}, "2026-01-01T17:00", False),
        (NIGHT, "2026-01-01T23:59:59", True),
        (NIGHT, "2026-01-01T07:00", False),
        ({"times": []}, "2026-01-01T00:00", False),
        ({"weekdays": ["sunday"]}, "2026-11-29T12:00", True),
        ({"weekdays": ["Monday:Friday"]}, "2026-11-29T12:00", False),
        ({"weekdays": ["sunday:tuesday", "saturday"]}, "2026-11-28T12:00", True),
        ({"days_of_month": ["1:5", "-3:-1"]}, "2026-02-05T00:00", True),
        ({"days_of_month": ["1:5", "-3:-1"]}, "2026-02-06T00:00", False),
        ({"days_of_month": ["1:5", "-3:-1"]}, "2026-02-25T23:59", False),
        ({"days_of_month": ["1:5", "-3:-1"]}, "2026-02-26T00:00", True),
        ({"days_of_month": ["-1"]}, "2028-02-28T00:00", False),
        ({"days_of_month": ["-1"]}, "2028-02-29T00:00", True),
        ({"days_of_month": ["31"]}, "2026-04-30T00:00", False),
        ({"days_of_month": ["20:31"]}, "2026-02-28T00:00", True),
        ({"days_of_month": ["30:31"]}, "2026-02-28T00:00", False),
        ({"days_of_month": ["-31:-28"]}, "2026-02-01T00:00", True),
        ({"days_of_month": ["-31:-29"]}, "2026-02-01T00:00", False),
        ({"days_of_month": ["10:-10"]}, "2026-02-19T00:00", True),
        ({"days_of_month": ["10:-10"]}, "2026-02-20T00:00", False),
        ({"months": ["december", "january:2"]}, "2026-02-28T00:00", True),
        ({"months": ["december", "january:2"]}, "2026-03-01T00:00", False),
        ({"years": ["2024", "2026:2028"]}, "2028-12-31T23:59", True),
        ({"years": ["2024", "2026:2028"]}, "2025-12-31T23:59", False),
        ({"weekdays": ["friday"], "days_of_month": ["13"], "months": ["11"]}, "2026-11-13T00:00", True),
        ({"weekdays": ["friday"], "days_of_month": ["13"], "months": ["11"]}, "2026-11-20T00:00", False),
        ({**PARIS, "times": hours("09:00", "17:00")}, "2026-07-01T07:00", True),
        ({**PARIS, "times": hours("09:00", "17:00")}, "2026-01-01T07:00", False),
        ({**PARIS, "days_of_month": ["1"]}, "2025-12-31T23:00", True),
        ({"location": "Asia/Kathmandu", "times": hours("00:00", "00:15")}, "2026-01-01T18:15", True),
    ],
)
def test_contains_what_alertmanager_says(element: Element, moment: str, expected: bool) -> None:
    """Ends of times are not in, those of days are; days from the month's end; what is left out does not matter."""
    assert expected == bool(muted(mutes("x"), named(x=[element]), at(moment)))


def test_says_which_intervals_mute() -> None:
    """The key, and the names: all that mute it, or all in which it would not be muted."""
    intervals = named(nights=[NIGHT], always=[{}], years=[{"years": ["2020"]}, NIGHT], never=[])
    route = Route.model_validate(
        {"mute_time_intervals": ["nights", "never", "always"], "active_time_intervals": ["never", "years"]}
    )

    assert "in mute_time_intervals: nights, always" == muted(route, intervals, at("2026-01-01T00:00"))
    assert "in mute_time_intervals: always; not in active_time_intervals: never, years" == muted(
        route, intervals, at("2026-01-01T12:00")
    )
    assert "" == muted(actives("nights", "never"), intervals, at("2026-01-01T00:00"))
    assert "" == muted(Route(), intervals, at("2026-01-01T00:00"))


def test_children_are_not_muted_with_their_parent() -> None:
    """Intervals belong to the route that names them; every other key is inherited."""
    root = Route.model_validate({"receiver": "a", "routes": [{"mute_time_intervals": ["x"], "routes": [{}]}]})
    intervals, now = named(x=[{}]), at("2026-01-01T00:00")

    assert "" != muted(root.routes[0], intervals, now)
    assert "" == muted(root.routes[0].routes[0], intervals, now)


SUMMER_NIGHT = {**PARIS, "times": hours("01:00", "02:30")}
TWICE_AN_HOUR = {**PARIS, "times": hours("02:15", "02:45")}


@pytest.mark.parametrize(
    ("route", "elements", "moment", "expected"),
    [
        (mutes("x"), [NIGHT], "2026-01-01T22:00:59", "2026-01-02T07:00"),
        (mutes("x"), [NIGHT], "2026-01-01T12:00", None),
        (mutes("x"), [{}], "2026-01-01T12:00", None),
        (actives("x"), [], "2026-01-01T12:00", None),
        (actives("x"), [{"times": []}], "2026-01-01T12:00", None),
        (actives("x"), [NIGHT], "2026-01-01T12:00:30.5", "2026-01-01T22:00"),
        (
            actives("x"),
            [{"weekdays": ["monday:friday"], "times": hours("09:00", "17:00")}],
            "2026-11-27T17:00",
            "2026-11-30T09:00",
        ),
        (mutes("x"), [{"weekdays": ["saturday"]}, {"weekdays": ["sunday"]}], "2026-11-28T09:00", "2026-11-30T00:00"),
        (mutes("x"), [{"months": ["6:8"]}], "2026-06-01T00:00", "2026-09-01T00:00"),
        (mutes("x"), [{"months": ["6:12"]}, {"months": ["1:3"]}], "2026-06-01T00:00", "2027-04-01T00:00"),
        (mutes("x"), [{"years": ["2026:2028"]}], "2026-06-01T00:00", "2029-01-01T00:00"),
        (mutes("x"), [{"years": ["2026:2040"]}], "2026-06-01T00:00", None),
        (actives("x"), [{"years": ["2020"]}], "2026-06-01T00:00", None),
        (actives("x"), [{"years": ["2029"], "times": hours("08:00", "09:00")}], "2026-06-01T00:00", "2029-01-01T08:00"),
        (actives("x"), [{"months": ["2"], "days_of_month": ["29"]}], "2026-06-01T00:00", "2028-02-29T00:00"),
        (actives("x"), [{"days_of_month": ["31"], "weekdays": ["friday"]}], "2026-06-01T00:00", "2026-07-31T00:00"),
        (actives("x"), [{"days_of_month": ["-1"]}], "2028-02-01T00:00", "2028-02-29T00:00"),
        (actives("x"), [{**PARIS, "times": hours("02:00", "03:00")}], "2026-03-28T12:00", "2026-03-30T00:00"),
        (mutes("x"), [{**PARIS, "times": hours("00:00", "02:30")}], "2026-03-29T00:00", "2026-03-29T01:00"),
        (actives("x"), [{**PARIS, "times": hours("02:30", "03:30")}], "2026-03-28T12:00", "2026-03-29T01:00"),
        (mutes("x"), [SUMMER_NIGHT], "2026-10-24T23:00", "2026-10-25T00:30"),
        (mutes("x"), [SUMMER_NIGHT], "2026-10-25T01:00", "2026-10-25T01:30"),
        (mutes("x"), [{**PARIS, "times": hours("02:15", "04:00")}], "2026-10-25T00:30", "2026-10-25T01:00"),
        (actives("x"), [TWICE_AN_HOUR], "2026-10-25T00:50", "2026-10-25T01:15"),
        (mutes("x"), [{"location": "Pacific/Apia", "days_of_month": ["29"]}], "2011-12-29T12:00", "2011-12-30T10:00"),
        (actives("x"), [{"location": "Pacific/Apia", "days_of_month": ["30"]}], "2011-12-29T12:00", "2012-01-29T10:00"),
        (
            mutes("x"),
            [{"location": "America/St_Johns", "days_of_month": ["7"]}],
            "2010-11-07T02:30",
            "2010-11-07T02:31",
        ),
    ],
)
def test_finds_the_end_of_a_mute(route: Route, elements: list[Element], moment: str, expected: str | None) -> None:
    """The first minute at which the route is not muted, over months, leap years and clocks that are set."""
    assert (at(expected) if expected else None) == changes_at(route, named(x=elements), at(moment))


def test_a_moment_may_be_of_any_zone() -> None:
    """What counts is when it is, not whose clock says so."""
    now = datetime(2026, 7, 1, 8, tzinfo=ZoneInfo("America/New_York"))
    intervals = named(x=[{"times": hours("12:00", "13:00")}])

    assert "in mute_time_intervals: x" == muted(mutes("x"), intervals, now)
    assert at("2026-07-01T13:00") == changes_at(mutes("x"), intervals, now)


# Clocks are set at these, by an hour, half of one, and a day; at midnight and a minute later, too.
SET = (
    ("Europe/Paris", "2026-03-29T01:00"),
    ("Europe/Paris", "2026-10-25T01:00"),
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("America/Havana", "2026-11-01T05:00"),
    ("Africa/Cairo", "2026-04-23T22:00"),
    ("America/Sao_Paulo", "2018-02-18T02:00"),
    ("America/Sao_Paulo", "2018-11-04T03:00"),
    ("America/St_Johns", "2010-11-07T02:31"),
    ("Pacific/Apia", "2011-12-30T10:00"),
    ("Asia/Kathmandu", "2028-02-29T18:15"),
    ("UTC", "2026-12-31T23:00"),
)
HOURS_BEFORE = 26


def holds(element: Element, local: datetime) -> bool:
    """Returns whether what a clock shows is in an element as the file has it."""
    clock = f"{local:%H:%M}"
    last = monthrange(local.year, local.month)[1]

    def ends(text: str) -> tuple[str, str]:
        first, _, second = text.partition(":")
        return first, second or first

    def day(text: str) -> int:
        return int(text) if int(text) > 0 else last + 1 + int(text)

    def weekday(text: str) -> int:
        return (WEEKDAYS.index(text) + 1) % 7

    checks = {
        "times": lambda each: each["start_time"] <= clock < each["end_time"],
        "weekdays": lambda each: weekday(ends(each)[0]) <= local.isoweekday() % 7 <= weekday(ends(each)[1]),
        "days_of_month": lambda each: day(ends(each)[0]) <= local.day <= day(ends(each)[1]),
        "months": lambda each: int(ends(each)[0]) <= local.month <= int(ends(each)[1]),
        "years": lambda each: ends(each)[0] <= str(local.year) <= ends(each)[1],
    }
    return all(any(map(check, element[key])) for key, check in checks.items() if key in element)


NEAR = (-1440, -60, -30, -15, -1, 0, 1, 15, 30, 60, 90, 1440)


def _ordered(values: Sequence[int]) -> st.SearchStrategy[list[int]]:
    return st.lists(st.sampled_from(sorted(set(values))), min_size=1, max_size=2, unique=True).map(sorted)


@st.composite
def elements_near(draw: st.DrawFn, place: str, moment: datetime) -> dict[str, Any]:
    """Returns an element whose bounds are near to what the clocks of a place show about a moment."""
    walls = [moment.astimezone(ZoneInfo(place)), (moment - MINUTE).astimezone(ZoneInfo(place)) + MINUTE]
    shown = [wall.replace(tzinfo=None) + number * MINUTE for wall in walls for number in NEAR]
    minutes = _ordered([0, 1440, *(each.hour * 60 + each.minute for each in shown)]).filter(lambda two: len(two) == 2)
    clocks = minutes.map(lambda two: [f"{each // 60:02}:{each % 60:02}" for each in two])
    times = st.lists(
        clocks.map(lambda two: dict(zip(("start_time", "end_time"), two, strict=True))), min_size=1, max_size=2
    )
    last = monthrange(shown[0].year, shown[0].month)[1]
    days = _ordered([each.day for each in shown])
    counted = _ordered([min(-1, each.day - 1 - last) for each in shown])
    written: dict[str, Any] = {"location": place}
    if draw(st.sampled_from([True, True, True, False])):
        written["times"] = draw(times)
    kind = draw(st.sampled_from(["", "", "", "", "days", "weekdays", "months", "years"]))
    if kind == "days":
        span = draw(st.one_of(days, counted.filter(lambda two: two[0] >= -27)))
        written["days_of_month"] = [":".join(map(str, span))]
    elif kind == "weekdays":
        span = draw(_ordered([each.isoweekday() % 7 for each in shown]))
        written["weekdays"] = [":".join(WEEKDAYS[each - 1] for each in span)]
    elif kind:
        span = draw(_ordered([each.month if kind == "months" else each.year for each in shown]))
        written[kind] = [":".join(map(str, span))]
    return written


NAMED = st.sampled_from(
    [("a", ""), ("", "a"), ("a", ""), ("", "a"), ("a", "b"), ("ab", ""), ("", "ab"), ("a", "bc"), ("ab", "c")]
)


@pytest.mark.parametrize(("place", "set_at"), [(place, at(moment)) for place, moment in SET])
@settings(max_examples=8, deadline=None)
@given(other=st.sampled_from(SET), names=NAMED, data=st.data())
def test_agrees_with_a_look_at_every_minute(
    place: str, set_at: datetime, other: tuple[str, str], names: tuple[str, str], data: st.DataObject
) -> None:
    """Muted or not in each minute of some days, and when that next ends, where clocks are set."""
    places = [place, place, other[0]]
    of_a_name = st.lists(
        st.sampled_from(places).flatmap(lambda each: elements_near(each, set_at)), min_size=1, max_size=2
    )
    written = {name: data.draw(of_a_name) for name in "abc"}
    clocks = {place: ZoneInfo(place) for place in places}
    start = set_at - HOURS_BEFORE * timedelta(hours=1)
    minutes = [start + number * MINUTE for number in range(2 * HOURS_BEFORE * 60)]
    mute, active = names

    def slow(moment: datetime) -> bool:
        shown = {place: moment.astimezone(zone) for place, zone in clocks.items()}

        def inside(some: str) -> bool:
            return any(holds(each, shown[each["location"]]) for name in some for each in written[name])

        return inside(mute) or (bool(active) and not inside(active))

    route = Route.model_validate({"mute_time_intervals": list(mute), "active_time_intervals": list(active)})
    intervals = named(**written)
    expected = [slow(each) for each in minutes]

    assert expected == [bool(muted(route, intervals, each)) for each in minutes]
    after = None
    for number in reversed(range(len(minutes))):
        after = after if expected[number] else minutes[number]
        if after is None and number != len(minutes) // 2:
            # It takes milliseconds to look at years.
            continue
        if number % (5 if abs(number - HOURS_BEFORE * 60) < 150 else 60):
            continue
        found = changes_at(route, intervals, minutes[number] + timedelta(seconds=7))
        if not expected[number]:
            assert found is None
        elif after is not None:
            assert after == found
        else:
            assert found is None or (found > minutes[-1] and not slow(found) and slow(found - MINUTE))
