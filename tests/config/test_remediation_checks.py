"""What a rule needs beside itself, and that somebody is told of what it does."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

import actions
from config.base import ActionSettings
from config.document import ConfigError
from config.environment import Environment
from config.load import load
from config.remediation import RemedySettings


class Settings(RemedySettings):
    """A rule that has no key of its own."""

    example: ClassVar[Mapping[str, Any]] = {}


Load = Callable[..., tuple[list[str], list[str]]]

ROUTE = "{receiver: fix, continue: true}"
ALERT = "alert: {tokens: [token-of-alertmanager]}"
CHANGE = "change: {tokens: [token-of-operators-1]}"
NOBODY_KNOWN = "web.auth.change, by which it is known who approves"
LOOKING = "{auth: {trusted_proxy: {addresses: [10.0.0.7]}}}"
CHANGING = "{auth: {trusted_proxy: {addresses: [10.0.0.7], may_change: [jane]}}}"


def _placed(problem: str) -> str:
    """A problem with its line, without its file and column."""
    return re.sub(r"^.*f\.yml:(\d+):\d+", r"\1", problem)


@pytest.fixture
def told(tmp_path: Path) -> Load:
    """Loads a rule beside what `web` says; returns the problems and the warnings."""
    kinds: dict[str, type[ActionSettings]] = {kind: module.Settings for kind, module in actions.find().items()}

    def tell(
        rule: str,
        web: str = "{}",
        rest: str = "",
        environment: Mapping[str, str] | None = None,
        root: str = "chat",
        route: str = ROUTE,
    ) -> tuple[list[str], list[str]]:
        path = tmp_path / "f.yml"
        path.write_text(
            f"web: {web}\nroute:\n  receiver: {root}\n  routes: [{route}]\nreceivers:\n"
            f"- {{name: chat, log_configs: [{{}}]}}\n- name: fix\n  remedy_configs:\n  - {rule}\n{rest}"
        )
        try:
            configuration = load(
                path,
                Environment(environment or {}),
                actions={**kinds, "remedy": Settings},
                enrichers={},
                read_query=lambda query: None,
                try_template=lambda template: None,
            )
        except ConfigError as error:
            return [_placed(str(each)) for each in error.problems], []
        return [], [_placed(each) for each in configuration.warnings]

    return tell


def test_does_nothing_for_anybody(told: Load) -> None:
    """Alerts have to come with a log-in before anything is done about them."""
    anybody = "needs web.auth.alert: anybody who can reach /alert could have it done"
    assert ([f"9 receivers[1].remedy_configs[0].dry_run: {anybody}"], []) == told("{dry_run: false}")
    assert 1 == len(told("{dry_run: false}", f"{{auth: {{{CHANGE}}}}}")[0])
    assert ([], []) == told("{dry_run: false}", f"{{auth: {{{ALERT}}}}}")
    assert ([], []) == told("{dry_run: true}") == told("{}")


@pytest.mark.parametrize(
    ("approval", "web", "environment", "missing"),
    [
        ("page, approvers: [jane]", "{}", {}, NOBODY_KNOWN),
        ("page, approvers: [jane]", f"{{auth: {{{ALERT}}}}}", {}, NOBODY_KNOWN),
        ("page, approvers: [jane]", LOOKING, {}, NOBODY_KNOWN),
        ("page, approvers: [jane]", f"{{auth: {{{CHANGE}}}}}", {}, ""),
        ("page, approvers: [jane]", CHANGING, {}, ""),
        ("slack, approvers: [U012ABCDEF]", "{}", {}, "web.slack_signing_secret, without which no button works"),
        ("slack, approvers: [U012ABCDEF]", "{slack_signing_secret: x}", {}, ""),
        ("slack, approvers: [U012ABCDEF]", "{}", {"SLACK_SIGNING_SECRET": "x"}, ""),
    ],
)
def test_asks_where_it_can_be_answered(
    told: Load, approval: str, web: str, environment: Mapping[str, str], missing: str
) -> None:
    """An approval has a page whose visitors are known, or buttons that work."""
    problems, _ = told(f"{{approval: {approval}}}", web, environment=environment)
    assert [f"9 receivers[1].remedy_configs[0].approval: needs {missing}"] * bool(missing) == problems


def test_tells_somebody_otherwise(told: Load) -> None:
    """That there is, and who is told."""
    place = "9 receivers[1].remedy_configs[0].otherwise"
    assert ([f"{place}: no receiver is called 'chad'; did you mean chat?"], []) == told("{otherwise: chad}")
    nobody = f"{place}: tells nobody: 'fix' has no action that tells somebody"
    assert ([nobody], []) == told("{otherwise: fix}")
    assert ([], []) == told("{otherwise: chat}")
    assert ([], []) == told("{otherwise: lead}", rest="- {name: lead, log_configs: [{}]}\n")


def test_warns_where_nobody_is_told(told: Load) -> None:
    """A receiver of rules alone in the place of one who is told of trouble, or where no other route is tried."""
    alone = "tells nobody: 'fix' only does something about alerts"
    assert ([], []) == told("{}")
    _, warnings = told("{}", root="fix")
    assert f"3 route.receiver: {alone}, and who is told of trouble is this one" in warnings
    _, warnings = told("{}", rest="- {name: b, fallback: fix, log_configs: [{}]}\n")
    assert f"10 receivers[2].fallback: {alone}" in [each.partition("; ")[0] for each in warnings]
    _, warnings = told("{}", rest="  log_configs: [{}]\n", root="fix")
    assert [] == [each for each in warnings if "tells nobody" in each]


def test_warns_of_a_route_that_ends_at_rules(told: Load) -> None:
    """Without `continue` no other one is tried, and nobody is told."""
    alone = "tells nobody: 'fix' only does something about alerts"
    _, warnings = told("{}", route="{receiver: fix}")
    assert [f"4 route.routes[0].receiver: {alone}; continue: true tells others"] == warnings
    _, warnings = told("{}", route="{receiver: fix, continue: false}")
    assert 1 == len(warnings)


def test_warns_where_nobody_is_asked(told: Load) -> None:
    """An approval in Slack needs a message of an app's that it stands below."""
    rule, web = "{approval: slack, approvers: [U012ABCDEF]}", "{slack_signing_secret: x}"
    _, warnings = told(rule, web)
    message = "asks nobody: no slack_configs has an app_token and keeps its message, below which it would be asked"
    assert [f"9 receivers[1].remedy_configs[0].approval: {message}"] == warnings
    app = "  slack_configs: [{app_token: x, channel: '#ops'}]\n"
    assert ([], []) == told(rule, web, rest=app)
    _, warnings = told(rule, web, rest=app.replace("'#ops'", "'#ops', update_message: false"))
    assert 1 == len(warnings)


@pytest.mark.parametrize("nobody", ["''", "' '", "'*'"])
def test_names_each_who_may_approve(told: Load, nobody: str) -> None:
    """What names nobody lets nobody approve: there is no word for everybody."""
    problems, _ = told(f"{{approval: page, approvers: [jane, {nobody}]}}", web=CHANGING)
    why = "has approvers that are nobody: each is named, as they log in; * stands for nothing here"
    assert [f"9 receivers[1].remedy_configs[0]: {why}"] == problems
