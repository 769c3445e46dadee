"""Durations, sizes and quantities, as people and configuration files write them."""

import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import units

MIB = 1024**2
GIB = 1024**3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("0s", 0),
        ("250ms", 0.25),
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5_400),
        ("1d", 86_400),
        ("2w", 1_209_600),
        ("1y", 31_536_000),
        ("1y2w3d4h5m6s7ms", 33_019_506.007),
        ("90m", 5_400),
        ("1m1ms", 60.001),
        ("007s", 7),
        ("292y", 9_208_512_000),
    ],
)
def test_reads_durations(text: str, expected: float) -> None:
    """Each is read as Prometheus reads it, into seconds."""
    assert pytest.approx(expected) == units.duration_seconds(text)


@pytest.mark.parametrize(
    "text",
    ["", "s", "5", "1.5s", "-5s", "+5s", "5 s", " 5s", "5s\n", "1s1m", "1m1m", "5S", "5sec", "٣s", "1ms1s", "inf"],
)
def test_rejects_what_is_no_duration(text: str) -> None:
    """What Prometheus does not take is refused: wrong order, fractions, signs, no unit, other digits."""
    with pytest.raises(ValueError, match=r'^is not a duration such as "30s"'):
        units.duration_seconds(text)


@pytest.mark.parametrize("text", ["293y", "9" * 30 + "s", "292y52w365d"])
def test_rejects_a_duration_that_prometheus_cannot_hold(text: str) -> None:
    """What is longer than 2**63 nanoseconds would be out of every calendar here, too."""
    with pytest.raises(ValueError, match=r"^is longer than 292 years$"):
        units.duration_seconds(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("1024", 1_024),
        ("7B", 7),
        ("16MiB", 16 * MIB),
        ("16 MiB", 16 * MIB),
        ("512KB", 512_000),
        ("1KiB", 1_024),
        ("2GB", 2_000_000_000),
        ("1TiB", 1024**4),
        ("1PB", 10**15),
        ("3EiB", 3 * 1024**6),
    ],
)
def test_reads_sizes(text: str, expected: int) -> None:
    """iB counts by 1024, B by 1000, nothing by one."""
    assert expected == units.size_bytes(text)


@pytest.mark.parametrize(
    "text", ["", "MiB", "-1", "1.5GiB", "16mib", "16 M", "16Mi", "1MiBs", "1e3", "٣MiB", "1" * 19, "16MiB\n"]
)
def test_rejects_what_is_no_size(text: str) -> None:
    """A size in any other spelling is refused: half of them would be read wrongly."""
    with pytest.raises(ValueError, match=r'^is not a size such as "16MiB"'):
        units.size_bytes(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/s", 1),
        ("0.5/s", 0.5),
        ("2 / s", 2),
        ("120/min", 2),
        ("90/m", 1.5),
        ("1/h", 1 / 3_600),
        ("0/s", 0),
        ("0.000000001/h", 1e-9 / 3_600),
        ("999999999/s", 999_999_999),
    ],
)
def test_reads_rates(text: str, expected: float) -> None:
    """Each is read as so many a second, whatever it is counted by."""
    assert pytest.approx(expected) == units.rate_per_second(text)


@pytest.mark.parametrize(
    "text",
    ["", "fast", "1", "/s", "1/", "1/d", "1/2s", "1/S", "-1/s", "+1/s", "1e3/s", ".5/s", "1./s", "٣/s", "1/s\n"],
)
def test_rejects_what_is_no_rate(text: str) -> None:
    """A rate in any other spelling is refused, with one that is right."""
    with pytest.raises(ValueError, match=r'^is not a rate such as "1/s" or "120/min"$'):
        units.rate_per_second(text)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.42, "cores", "0.42 cores"),
        (0.5, "cores", "0.50 cores"),
        (0.004, "cores", "0.004 cores"),
        (0.000_12, "cores", "0.00012 cores"),
        (0, "cores", "0.00 cores"),
        (1.005, "cores", "1.00 cores"),
        (12, "cores", "12 cores"),
        (12.5, "cores", "12.50 cores"),
        (1_200, "requests/s", "1200 requests/s"),
        (3, "", "3"),
        (2.5, "", "2.50"),
        (0, "bytes", "0 B"),
        (1_023, "bytes", "1023 B"),
        (1e308, "bytes", "8.67e+289 EiB"),
        (-1e308, "cores", "-1e+308 cores"),
        (1e308, "requests", "1e+308 requests"),
        (1e15 - 1, "requests", "999999999999999 requests"),
        (1e308, "share", "1e+308 times"),
        (1_024, "bytes", "1 KiB"),
        (220 * MIB, "bytes", "220 MiB"),
        (256 * MIB, "bytes", "256 MiB"),
        (GIB - 1, "bytes", "1.0 GiB"),
        (1.5 * GIB, "bytes", "1.5 GiB"),
        (100 * GIB, "bytes", "100 GiB"),
        (1024**7, "bytes", "1024 EiB"),
        (-220 * MIB, "bytes", "-220 MiB"),
        (0.86, "share", "86%"),
        (90, "seconds", "1m 30s"),
        (math.nan, "cores", "nan cores"),
        (math.inf, "bytes", "inf bytes"),
        (-math.inf, "seconds", "-inf seconds"),
    ],
)
def test_writes_quantities(value: float, unit: str, expected: str) -> None:
    """A value comes with its unit, and with as many digits as tell something."""
    assert expected == units.quantity(value, unit)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, "0%"), (0.000_1, "<1%"), (0.009_9, "<1%"), (0.01, "1%"), (0.844, "84%"), (1, "100%"), (2.5, "250%")],
)
def test_writes_shares(share: float, expected: str) -> None:
    """A share is written in whole percent, and the least bit is more than nothing."""
    assert expected == units.percent(share)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "0s"),
        (0, "0s"),
        (0.4, "0s"),
        (45, "45s"),
        (59.6, "1m"),
        (720, "12m"),
        (725, "12m 5s"),
        (3_605, "1h"),
        (3_900, "1h 5m"),
        (266_400, "3d 2h"),
        (86_459, "1d"),
    ],
)
def test_writes_durations(seconds: float, expected: str) -> None:
    """A length of time is written with its two largest units."""
    assert expected == units.duration(seconds)


@settings(deadline=None)
@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(["cores", "bytes", "seconds", "share", ""]))
def test_writes_every_number(value: float, unit: str) -> None:
    """Whatever Prometheus answers can be written."""
    assert units.quantity(value, unit)


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 59), st.integers(0, 999))
def test_reads_every_duration_back(hours: int, minutes: int, milliseconds: int) -> None:
    """Each part counts, and is counted once."""
    expected = hours * 3_600 + minutes * 60 + milliseconds / 1_000

    assert pytest.approx(expected) == units.duration_seconds(f"{hours}h{minutes}m{milliseconds}ms")


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes anything but a ValueError."""
    for read in (units.duration_seconds, units.size_bytes, units.rate_per_second):
        with suppress(ValueError):
            assert read(text) >= 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T07:31:57Z", "2026-03-02T07:31:57+00:00"),
        ("2026-03-02T07:31:57", "2026-03-02T07:31:57+00:00"),
        ("2026-03-02 08:31:57+01:00", "2026-03-02T07:31:57+00:00"),
        ("2026-03-02", "2026-03-02T00:00:00+00:00"),
    ],
)
def test_reads_a_moment(text: str, expected: str) -> None:
    """In UTC unless it says otherwise."""
    assert expected == units.moment(text).isoformat()


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "0001-01-01T00:00:00+14:00", "12"])
def test_reads_no_moment_where_there_is_none(text: str) -> None:
    """Years that there are not, too."""
    with pytest.raises(ValueError, match="should be a time such as"):
        units.moment(text)
