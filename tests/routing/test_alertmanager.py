"""Routes lead where a real Alertmanager's and amtool's lead."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.matchers import Matcher
from app import cli
from config.schema import Route
from routing import take
from tests.far_sides import process
from tests.far_sides.alertmanager import Alertmanager

RECEIVERS = ("root", "one", "two", "three")
NAMES = st.sampled_from("abc")
VALUES = st.sampled_from(["x", "y", "xy", "X", "x\ny", 'q"', "\\", "é🔥", ".", "a b", "{}", "10"])
PATTERNS = st.sampled_from(
    ["x|y", "x.*", ".+", ".*", "", "(?i)x", "[xy]+", "x?", "^x$", r"\.", r"\\", "(?s)x.y", "x$|^y", r"\d+", "é.", "a b"]
)


def _written(name: str, operator: str, value: str) -> str:
    return str(Matcher(name, operator, value))  # type: ignore[arg-type]  # one of them


MATCHERS = st.one_of(
    st.builds(_written, NAMES, st.sampled_from(["=", "!="]), st.one_of(VALUES, st.just(""))),
    st.builds(_written, NAMES, st.sampled_from(["=~", "!~"]), PATTERNS),
)
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "receiver": st.sampled_from(RECEIVERS),
        "matchers": st.lists(MATCHERS, max_size=2),
        "match": st.dictionaries(NAMES, VALUES, max_size=1),
        "match_re": st.dictionaries(NAMES, PATTERNS, max_size=1),
        "continue": st.booleans(),
    },
)
ROUTES = st.recursive(
    CONDITIONS,
    lambda children: st.builds(
        lambda node, routes: {**node, "routes": routes}, CONDITIONS, st.lists(children, max_size=4)
    ),
    max_leaves=8,
)
LABELS = st.dictionaries(NAMES, VALUES, max_size=3)


def tree(routes: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns a root with each of these below a route of its own, which the label `tree` chooses."""
    chosen = [{"matchers": [f'tree="{number}"'], "routes": [each]} for number, each in enumerate(routes)]
    return {"receiver": "root", "routes": chosen}


def document(root: dict[str, Any]) -> str:
    """Returns a configuration, which is YAML too where no character is two escapes."""
    return json.dumps({"route": root, "receivers": [{"name": name} for name in RECEIVERS]}, ensure_ascii=False)


class Router:
    """A real Alertmanager that is asked where alerts go."""

    def __init__(self, folder: Path) -> None:
        """Starts nothing yet."""
        self.server = Alertmanager(folder, config_yaml=document({"receiver": "root"}))
        self.session = requests.Session()
        self.session.trust_env = False
        self.asked = 0

    def receivers(self, root: dict[str, Any], alerts: Sequence[Mapping[str, str]]) -> list[list[str]]:
        """Returns whom it would tell of each, in its order; a label `n` tells them from those before."""
        (self.server.folder / "alertmanager.yml").write_text(document(root))
        loaded = self.session.post(f"{self.server.url}/-/reload", timeout=10)
        assert loaded.status_code == 200, loaded.text
        first = self.asked
        self.asked += len(alerts)
        self.server.post_alerts(
            [{"labels": {**labels, "n": str(first + number)}} for number, labels in enumerate(alerts)]
        )
        found = self.session.get(f"{self.server.url}/api/v2/alerts", timeout=10).json()
        told = {int(each["labels"]["n"]): [one["name"] for one in each["receivers"]] for each in found}
        return [told[first + number] for number in range(len(alerts))]


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """One for all examples."""
    with ExitStack() as stack:
        router = Router(tmp_path_factory.mktemp("routes"))
        stack.enter_context(router.server)
        stack.callback(router.session.close)
        yield router


@settings(max_examples=40, deadline=None)
@given(
    routes=st.lists(ROUTES, min_size=20, max_size=40), labels=st.lists(LABELS, min_size=5, max_size=10, unique_by=str)
)
def test_goes_where_alertmanager_sends_it(
    router: Router, routes: list[dict[str, Any]], labels: list[Mapping[str, str]]
) -> None:
    """Each of some label sets, in each of some trees."""
    root = tree(routes)
    alerts = [{**each, "tree": str(number)} for number in range(len(routes)) for each in labels]
    model = Route.model_validate(root)
    assert router.receivers(root, alerts) == [list(take(model, each).receivers) for each in alerts]


# What amtool reads as quotes is told from what a shell passes on.
@settings(max_examples=25, deadline=None)
@given(routes=st.lists(ROUTES, max_size=3), labels=LABELS)
def test_is_drawn_as_amtool_draws_it(
    tmp_path_factory: pytest.TempPathFactory, routes: list[dict[str, Any]], labels: Mapping[str, str]
) -> None:
    """The same lines, in the same order."""
    process.require("amtool")
    file = tmp_path_factory.mktemp("drawn") / "c.yml"
    file.write_text(document({"receiver": "root", "routes": routes}))
    command = ["amtool", "config", "routes", "test", f"--config.file={file}", "--tree"]
    theirs = subprocess.run(
        [*command, *(_written(name, "=", value) for name, value in labels.items())],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    arguments = ["route-test", f"--config.file={file}", "--tree", *(f"{name}={each}" for name, each in labels.items())]
    ours = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    # Of `match_re` amtool shows what it made of it.
    assert theirs.stdout.replace('"^(?:', '"').replace(')$"', '"') == ours.stdout
