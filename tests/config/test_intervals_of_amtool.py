"""Intervals of time are taken and refused as a real `amtool check-config` does.

Differences, of which nothing is generated here: Alertmanager takes months beyond 1 to 12, and elements with nothing
behind the dash. It knows `Local` and what else the machine's time zones hold, as we do.
"""

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from config.intervals import NamedInterval
from tests.far_sides import process


def spans(*ends: str) -> st.SearchStrategy[str]:
    """Returns one of these, or two, or what is neither."""
    one = st.sampled_from(ends)
    odd = st.sampled_from(["", ":", "1:2:3", "a", " 1", "1 : 2", "1-5", "0x1", "1.0", "1_0", "sun", "٣"])
    return st.one_of(one, st.tuples(one, one).map(":".join), st.tuples(one, odd).map(":".join), odd)


DAYS = spans("1", "05", "+7", "27", "28", "29", "31", "32", "0", "-0", "-1", "-3", "-27", "-28", "-31", "-32")
WEEKDAYS = spans("sunday", "Monday", "WEDNESDAY", "friday", "saturday", "1", "mon")
MONTHS = spans("1", "01", "+6", "12", "january", "June", "DECEMBER", "jan")
YEARS = spans("2026", "-1", "0", "2030", "99999", "+2028", "9223372036854775807", "9223372036854775808")
CLOCKS = st.sampled_from(
    ["00:00", "09:30", "17:00", "23:59", "24:00", "24:01", "9:30", "09:60", "25:00", "", "09:30:00"]
)
TIMES = st.fixed_dictionaries({"end_time": CLOCKS}, optional={"start_time": CLOCKS, "middle": CLOCKS})
ZONES = st.sampled_from(
    ["UTC", "Europe/Paris", "Etc/GMT+5", "europe/paris", "", "EST", "Nowhere/City", "../UTC", "/etc/localtime", "Local"]
)
ELEMENTS = st.one_of(
    st.fixed_dictionaries({"days_of_month": st.lists(DAYS, max_size=2)}),
    st.fixed_dictionaries({"weekdays": st.lists(WEEKDAYS, max_size=2)}),
    st.fixed_dictionaries({"months": st.lists(MONTHS, max_size=2)}),
    st.fixed_dictionaries({"years": st.lists(YEARS, max_size=2)}),
    st.fixed_dictionaries({"times": st.lists(TIMES, max_size=2)}),
    st.fixed_dictionaries({"location": ZONES}),
    st.sampled_from([{}, {"times": "09:00"}, {"weekdays": {"monday": "friday"}}, {"day": ["monday"]}]),
)


def takes(element: Any) -> bool:
    """Returns whether we take it."""
    try:
        NamedInterval.model_validate({"name": "x", "time_intervals": [element]})
    except ValidationError:
        return False
    return True


def taken(folder: Path, elements: Sequence[Any]) -> list[bool]:
    """Returns which of these amtool takes, each in a file of its own."""
    process.require("amtool")
    files = [folder / f"{number}.yml" for number in range(len(elements))]
    for file, element in zip(files, elements, strict=True):
        named = {"name": "x", "time_intervals": [element]}
        document = {"route": {"receiver": "r"}, "receivers": [{"name": "r"}], "time_intervals": [named]}
        file.write_text(json.dumps(document, ensure_ascii=False))
    done = subprocess.run(
        ["amtool", "check-config", *map(str, files)], capture_output=True, text=True, timeout=60, check=False
    )
    said = re.findall(r"^Checking '.*?'  (SUCCESS|FAILED)", done.stdout, re.MULTILINE)
    assert len(elements) == len(said), done.stdout
    return [each == "SUCCESS" for each in said]


@settings(max_examples=12, deadline=None)
@given(elements=st.lists(ELEMENTS, min_size=50, max_size=100))
def test_takes_what_amtool_takes(tmp_path_factory: pytest.TempPathFactory, elements: list[Any]) -> None:
    """And nothing else."""
    theirs = dict(zip(map(json.dumps, elements), taken(tmp_path_factory.mktemp("amtool"), elements), strict=True))

    assert theirs == {json.dumps(each): takes(each) for each in elements}
