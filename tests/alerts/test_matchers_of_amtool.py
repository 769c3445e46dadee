"""Matchers are read as a real amtool reads them.

Debian 12 has the classic parser: it is asked about what both parsers take. One with the UTF-8 parser (0.27 and later)
is asked about anything, where AMTOOL names it.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.matchers import Matcher, MatcherError, parse_matchers
from tests.far_sides import process

STRICT = os.environ.get("AMTOOL", "")
OPERATORS = ("=", "!=", "=~", "!~")
# No pieces that YAML itself refuses.
PIECES = (
    *("a", "b1", "_x", "a:b", "é", "🔥", "a.b", "1", "x", "-", "=", "!=", "=~", "!~", ",", "{", "}", " ", "\t", "\n"),
    *('"', "'", "`", "\\", "(", "|", "~", "!", "/", "#", "\u00a0", "\u2028", "[", "*"),
    *('"x"', '"a b"', '"\\n"', '"\\""', '"\\\\"', '"\\x"', '"\\u00e9"', '"\\xff"', '"\\xc3\\xa9"', '"\\101"', '"a\nb"'),
    *('a="b"', '"q"="z"', 'foo=~"(a|b)"', '"("', '"\\U0001F525"', '"\\ud800"', '"\\\'"'),
)
ANYTHING = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)


def _list(names: Sequence[str], values: Sequence[str]) -> st.SearchStrategy[str]:
    one = st.tuples(
        st.sampled_from(names),
        st.sampled_from(["", " "]),
        st.sampled_from(OPERATORS),
        st.sampled_from(["", " "]),
        st.sampled_from(values),
    ).map("".join)
    several = st.lists(one, min_size=1, max_size=3).map(",".join)
    return st.tuples(several, st.sampled_from([("", ""), ("{", "}"), ("{", ",}"), ("", ",")])).map(
        lambda made: f"{made[1][0]}{made[0]}{made[1][1]}"
    )


COMMON = _list(["a", "b1", "_x"], ["b", '"b"', '"a b"', '""', '"\\n"', '"\\""', '"\\\\d"', "é", "x.y", '".*"', '"{,}"'])
LIKELY = _list(["a", '"a b"', "é", "a.b", '"x"', "1"], ["b", '"b"', '""', '"\\n"', "é", '".*"', "(a)", "[", '"["', "*"])


def amtool(folder: Path, texts: Sequence[str], *command: str) -> "subprocess.CompletedProcess[str]":
    """Returns what a command says of a configuration with these, a route each."""
    program = STRICT or "amtool"
    process.require(program)
    routes = [{"receiver": "r", "matchers": [text]} for text in texts]
    document = {"route": {"receiver": "r", "routes": routes}, "receivers": [{"name": "r"}]}
    (folder / "c.yml").write_text(json.dumps(document, ensure_ascii=False))
    flags = ["--enable-feature=utf8-strict-mode"] if STRICT else []
    return subprocess.run(
        [program, *flags, *command], cwd=folder, capture_output=True, text=True, timeout=20, check=False
    )


def told(folder: Path, texts: Sequence[str]) -> list[str]:
    """Returns each one's matchers as amtool writes them."""
    shown = amtool(folder, texts, "config", "routes", "show", "--config.file=c.yml")
    lines = [line.split("── ", 1)[1] for line in shown.stdout.splitlines() if "── " in line]
    assert len(texts) + 1 == len(lines), shown.stderr
    return [line.rsplit("  receiver:", 1)[0] for line in lines[1:]]


def written(matchers: Sequence[Matcher]) -> str:
    """Returns ours as amtool writes them."""
    by_name = sorted(matchers, key=lambda each: (each.name, each.value, OPERATORS.index(each.operator)))
    return f"{{{','.join(map(str, by_name))}}}"


@settings(max_examples=10, deadline=None)
@given(texts=st.lists(COMMON, min_size=50, max_size=100))
def test_means_what_amtool_reads(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Names, operators and values."""
    assert told(tmp_path_factory.mktemp("amtool"), texts) == [written(parse_matchers(text)) for text in texts]


@pytest.mark.skipif(not STRICT, reason="AMTOOL names no amtool with the UTF-8 parser")
@settings(max_examples=20, deadline=None)
@given(texts=st.lists(st.one_of(ANYTHING, LIKELY), min_size=50, max_size=100))
def test_takes_what_the_strict_amtool_takes(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """And nothing else, and reads it likewise."""
    folder = tmp_path_factory.mktemp("amtool")
    taken: dict[str, str] = {}
    for text in texts:
        try:
            if matchers := parse_matchers(text):
                taken[text] = written(matchers)
        except MatcherError:
            assert amtool(folder, [text], "check-config", "c.yml").returncode, text
    if taken:
        assert list(taken.values()) == told(folder, list(taken))
