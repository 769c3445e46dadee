"""`import-alertmanager` on configurations made by chance, in all ways in which YAML can be written."""

import json
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from app import cli
from config.document import dotted

FOREIGN = {"opsgenie_configs": [{"api_key": "s"}], "sns_configs": [], "telegram_configs": [{"a": "b", "c": ["d"]}]}
HTTP = {"oauth2": {"a": "b"}, "follow_redirects": "true", "new": "x"}
# What becomes a comment; a text only where it cannot be read.
GOES = {*FOREIGN, "oauth2", "new", "link_names", "text", "tracing", "event_recorder", "opsgenie_api_key", "labels"}
COMMENT = re.compile(r"# (?:before \w+|within|behind)!")


def some(dice: random.Random, choices: Mapping[str, Any], chance: float = 0.5) -> dict[str, Any]:
    """Returns some of these."""
    return {key: value for key, value in choices.items() if dice.random() < chance}


def shuffled(dice: random.Random, value: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the same in another order."""
    items = list(value.items())
    dice.shuffle(items)
    return dict(items)


def receiver(dice: random.Random, name: str) -> dict[str, Any]:
    """Returns one with what is taken and what is not."""

    def slack() -> dict[str, Any]:
        texts = {"title": "{{ .Status }}", "text": "{{ .Nope }}", "pretext": "$${A}"}
        more = {"link_names": "true", "new": "1", "channel": "#a", "http_config": shuffled(dice, some(dice, HTTP))}
        return shuffled(dice, {"api_url": "https://a", **some(dice, texts), **some(dice, more)})

    def pagerduty() -> dict[str, Any]:
        more = {"service_key": "x", "details": {"a": "{{ .Status }}"}, "http_config": {"oauth2": {}}}
        return shuffled(dice, {"routing_key": "k", **some(dice, more)})

    own = {"slack_configs": [slack() for _ in range(dice.randint(1, 2))], "pagerduty_configs": [pagerduty()]}
    return shuffled(dice, {"name": name, **some(dice, FOREIGN, 0.3), **some(dice, own)})


def configuration(dice: random.Random) -> dict[str, Any]:
    """Returns a whole one."""
    child = shuffled(dice, {"receiver": "b", **some(dice, {"matchers": ["a=b c", "d=e"], "labels": {}, "oops": "x"})})
    defaults = {"opsgenie_api_key": "x", "resolve_timeout": "5m", "slack_api_url": "https://$$b", "new": "1"}
    top = {"global": shuffled(dice, some(dice, defaults)), "tracing": {"a": "b"}, "event_recorder": []}
    route = shuffled(dice, {"receiver": "a", **some(dice, {"labels": {"a": "b"}, "routes": [child]})})
    receivers = [receiver(dice, name) for name in "abc"]
    return shuffled(dice, {"route": route, "receivers": receivers, **some(dice, top)})


def written(dice: random.Random, value: Any, indent: int) -> str:
    """Returns YAML that stands behind a colon or a dash, with comments wherever they may be."""
    if isinstance(value, dict | list) and value and dice.random() > 0.25:
        lines = []
        further = indent + dice.choice([2, 4])
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(key, int):
                body = written(dice, each, indent + 2)
                compact = re.match(r"\n+ *(?=[^ #\n])", body) if dice.random() < 0.8 else None
                lines.append(f"{' ' * indent}-{f' {body[compact.end() :]}' if compact else body}")
                continue
            if dice.random() < 0.2:
                lines.append(f"{' ' * indent}# before {key}!\n")
            lines.append(f"{' ' * indent}{key}:{written(dice, each, further)}")
        return "\n" + dice.choice(["", "", "\n"]) + "".join(lines)
    if isinstance(value, str) and value == value.strip() and dice.random() < 0.15:
        return f" |-\n{' ' * (indent + 2)}{value}\n"
    return f" {flow(dice, value, indent)}{dice.choice(['', ' # behind!'])}\n"


def flow(dice: random.Random, value: Any, indent: int) -> str:
    """Returns the same between brackets, or in quotes."""
    if isinstance(value, str):
        return dice.choice(["'" + value.replace("'", "''") + "'", json.dumps(value)])
    if isinstance(value, list):
        return f"[{', '.join(flow(dice, each, indent) for each in value)}]"
    between = dice.choice([", ", f",\n{' ' * (indent + 4)}", f", # within!\n{' ' * (indent + 3)}"])
    end = dice.choice(["", ", "]) if value else ""
    return f"{{{between.join(f'{key}: {flow(dice, each, indent)}' for key, each in value.items())}{end}}}"


def gone(before: Any, after: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yields what is left out, and asserts that all else is there, in its order."""
    if isinstance(before, dict):
        after = after or {}
        assert [key for key in before if key in after] == list(after)
        for key, value in before.items():
            if key in after:
                yield from gone(value, after[key], (*path, key))
            else:
                yield (*path, key)
    elif isinstance(before, list):
        assert len(before) == len(after or [])
        for at, (one, other) in enumerate(zip(before, after or [], strict=True)):
            yield from gone(one, other, (*path, at))
    else:
        # `matchers` are quoted, a dollar is two, and a text is in Jinja2.
        assert before == after or "{{" in before or "$$" in before or "matchers" in path, path


@pytest.mark.parametrize("seed", range(60))
def test_all_else_is_as_it_was(tmp_path: Path, seed: int) -> None:
    """What is not taken is gone and marked, each by its path; and every comment is there, once."""
    dice = random.Random(seed)
    text = written(dice, configuration(dice), 0).lstrip("\n").replace("\n", dice.choice(["\n", "\r\n"]))
    (tmp_path / "am.yml").write_bytes(text.encode())
    done = CliRunner().invoke(cli, ["import-alertmanager", str(tmp_path / "am.yml"), f"--output={tmp_path / 'o.yml'}"])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    ours = (tmp_path / "o.yml").read_bytes().decode()
    marked = re.findall(r"# TODO\(import\): ([^:]+):", ours)
    left_out = list(gone(yaml.load(text, yaml.BaseLoader), yaml.load(ours, yaml.BaseLoader)))
    assert set() == {str(path[-1]) for path in left_out} - GOES
    assert set() == set(map(dotted, left_out)) - set(marked)
    assert len(set(marked)) == len(marked)
    assert sorted(COMMENT.findall(text)) == sorted(COMMENT.findall(ours))
    checked = CliRunner().invoke(cli, ["check-config", str(tmp_path / "o.yml")])
    still_wrong = re.findall(r":\d+:\d+ ([^:]+): ", str(checked.exception)) if checked.exit_code else []
    assert sorted(set(marked) - set(map(dotted, left_out))) == sorted(still_wrong)
    assert done.exit_code == bool(marked)
