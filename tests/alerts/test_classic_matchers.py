"""Matchers as the older of Alertmanager's parsers reads them."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.classic_matchers import parse_classic_matchers
from alerts.matchers import Matcher, MatcherError
from tests.far_sides import process

NAMES = ("a", "b_1", ":c")
PIECES = (
    "a",
    "b",
    "=",
    "!=",
    "=~",
    "~",
    ",",
    "{",
    "}",
    " ",
    '"',
    "\\",
    "\\n",
    '\\"',
    "é",
    "(",
    ")",
    "|",
    ".",
    "x\t",
    "-",
)
VALUES = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
QUOTED = st.one_of(VALUES, VALUES.map(lambda value: f'"{value}"'))
TEXTS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["=", " != ", "=~", "!~"]), QUOTED).map("".join))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", ['a="b"']),
        ("a = b c ", ['a="b c"']),
        ('{a="b",}', ['a="b"']),
        ("a=", ['a=""']),
        ("a=~b.*|c{2}d", ['a=~"b.*|c{2}d"']),
        ("a=~c{2}", ['a=~"c{2"']),
        (r'a="\d\n\"\\"', ['a="\\\\d\\n\\"\\\\"']),
        (r"a=\d+", [r'a="\\d+"']),
        ("a=b\\", [r'a="b\\"']),
        ('a="b,c",d!=e', ['a="b,c"', 'd!="e"']),
        ("a=='b'", ["a=\"='b'\""]),
        ("a=~=b", ['a=~"=b"']),
        ("", []),
        ("{}", []),
    ],
)
def test_reads_what_needs_no_quotes(text: str, expected: list[str]) -> None:
    """What it means, in the spelling that can be read in one way only."""
    assert expected == list(map(str, parse_classic_matchers(text)))


@pytest.mark.parametrize(
    "text", ["a", "é=b", '"a"=b', "1a=b", 'a="b', 'a=b"', 'a="b"c', 'a="b\\"', ",a=b", "a=~(", "=b"]
)
def test_refuses_what_is_none(text: str) -> None:
    """As Alertmanager of before 0.27 does."""
    with pytest.raises(MatcherError):
        parse_classic_matchers(text)


def read(text: str) -> tuple[Matcher, ...] | None:
    """Returns what a text is read as; None where it is refused."""
    try:
        return parse_classic_matchers(text)
    except MatcherError:
        return None


def test_agrees_with_amtool(tmp_path: Path) -> None:
    """An amtool that has the older parser alone says the same of generated texts, as whom it would tell shows."""
    process.require("amtool")
    version = subprocess.run(["amtool", "--version"], capture_output=True, text=True, timeout=20, check=False)
    if "version 0.2" not in version.stdout + version.stderr or "version 0.27" in version.stdout:
        pytest.skip("this amtool has the newer parser")

    @settings(max_examples=60, deadline=None)
    @given(st.lists(TEXTS.map(",".join), min_size=1, max_size=8))
    def agrees(texts: list[str]) -> None:
        verdicts = {text: read(text) for text in texts}
        good = [text for text in texts if verdicts[text] is not None]
        for text in texts:
            if verdicts[text] is None:
                assert not taken(tmp_path, [text]), text
        if good:
            assert taken(tmp_path, good), good

    agrees()


def taken(folder: Path, texts: list[str]) -> bool:
    """Returns whether a real amtool takes routes with these."""
    routes = [{"receiver": "r", "matchers": [text]} for text in texts]
    document = {"route": {"receiver": "r", "routes": routes}, "receivers": [{"name": "r"}]}
    (folder / "c.yml").write_text(json.dumps(document, ensure_ascii=False))
    done = subprocess.run(
        ["amtool", "check-config", "c.yml"], cwd=folder, capture_output=True, text=True, timeout=20, check=False
    )
    return not done.returncode
