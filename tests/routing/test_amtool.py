"""`route-test` says what a real `amtool config routes test` says.

Dozens of trees are one configuration: each is a child of the root that says `continue`, with receivers of its own, so
one label set is compared in all of them at once.
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.matchers import Matcher
from app import cli
from config.schema import Route
from routing import take
from tests.far_sides import process
from tests.routing.test_alertmanager import LABELS, RECEIVERS, ROUTES

STRICT = os.environ.get("AMTOOL", "")
UPSTREAMS = st.fixed_dictionaries(
    {},
    optional={
        "group_by": st.sampled_from([["a"], ["a", "b"], ["..."], []]),
        "group_wait": st.sampled_from(["0s", "30s", "1m30s"]),
        "group_interval": st.sampled_from(["5m", "1h"]),
        "repeat_interval": st.sampled_from(["4h", "7d"]),
        "mute_time_intervals": st.sampled_from([["nights"], ["nights", "always"], []]),
        "active_time_intervals": st.sampled_from([["nights"], []]),
    },
)
INTERVALS = [
    {"name": "nights", "time_intervals": [{"times": [{"start_time": "22:00", "end_time": "24:00"}]}]},
    {"name": "always", "time_intervals": [{"location": "Europe/Paris"}]},
]


def renamed(node: Mapping[str, Any], prefix: str, extras: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns a tree with receivers of its own, and the upstream's keys at some nodes."""
    made = {**node, **extras[len(json.dumps(node)) % len(extras)]}
    if "receiver" in node:
        made["receiver"] = f"{prefix}{node['receiver']}"
    if "routes" in node:
        made["routes"] = [renamed(each, prefix, extras) for each in node["routes"]]
    return made


def written(folder: Path, root: Mapping[str, Any], names: Sequence[str]) -> Path:
    """Returns a file with the tree, which is YAML too where no character is two escapes."""
    document = {"route": root, "receivers": [{"name": each} for each in names], "time_intervals": INTERVALS}
    file = folder / "c.yml"
    file.write_text(json.dumps(document, ensure_ascii=False))
    return file


def amtool(file: Path, labels: Mapping[str, str]) -> list[str]:
    """Returns whom it would tell."""
    program = STRICT or "amtool"
    process.require(program)
    flags = ["--enable-feature=utf8-strict-mode"] if STRICT else []
    # What amtool reads as quotes is told from what a shell passes on.
    pairs = [str(Matcher(name, "=", value)) for name, value in labels.items()]
    command = [program, *flags, "config", "routes", "test", f"--config.file={file}", *pairs]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()[-1].split(",")


@settings(max_examples=12, deadline=None)
@given(
    trees=st.lists(ROUTES, min_size=20, max_size=40),
    extras=st.lists(UPSTREAMS, min_size=5, max_size=5),
    labels=st.lists(LABELS, min_size=5, max_size=10, unique_by=str),
)
def test_tells_whom_amtool_tells(
    tmp_path_factory: pytest.TempPathFactory,
    trees: list[dict[str, Any]],
    extras: list[dict[str, Any]],
    labels: list[Mapping[str, str]],
) -> None:
    """Each of some label sets, in each of some dozens of trees; and the command prints the same."""
    chosen = [
        {"receiver": f"{number}-", "continue": True, "routes": [renamed(each, f"{number}-", extras)]}
        for number, each in enumerate(trees)
    ]
    names = ["root", *(f"{number}-{name}" for number in range(len(trees)) for name in ("", *RECEIVERS))]
    root = {"receiver": "root", "routes": chosen}
    file = written(tmp_path_factory.mktemp("routes"), root, names)
    model = Route.model_validate(root)
    for each in labels:
        assert amtool(file, each) == list(take(model, each).receivers)
    arguments = ["route-test", f"--config.file={file}", *(f"{name}={value}" for name, value in labels[0].items())]
    ours = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert amtool(file, labels[0]) == ours.stdout.splitlines()[-1].split(",")
