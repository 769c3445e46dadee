"""What has to hold beside a rule for something to be done about an alert by it; and that somebody hears of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from config.checks import no_receiver, nodes
from config.document import Document, Path_, Problem
from config.remediation import RemedySettings
from config.schema import Receiver, WebSettings

_ANYBODY = "needs web.auth.alert: anybody who can reach /alert could have it done"


def check_rules(listed: Any, receivers: Sequence[Receiver], web: WebSettings | None, document: Document) -> None:
    """Check what each rule needs: whose alerts they are, who may approve, who is told otherwise.

    Args:
        listed: `receivers` as it was read.
        receivers: those that there are.
        web: None where it is wrong, which has been said.
    """
    for place, rule in _rules(listed, receivers):
        for key, message in (*(_needs(rule, web) if web else ()), *_otherwise(rule, receivers)):
            document.problems.append(document.problem((*place, key), message))


def check_asked(listed: Any, receivers: Sequence[Receiver], document: Document) -> list[Problem]:
    """Look for rules that wait for an approval in Slack where nobody is asked there.

    Returns:
        What may not be meant.
    """
    if any(action.kind == "slack" and action.settings.timeline for each in receivers for action in each.actions):
        return []
    message = "asks nobody: no slack_configs has an app_token and keeps its message, below which it would be asked"
    rules = ((place, rule) for place, rule in _rules(listed, receivers) if rule.approval == "slack")
    return [document.problem((*place, "approval"), message) for place, _ in rules]


def check_told(root: Any, listed: Any, receivers: Sequence[Receiver], document: Document) -> list[Problem]:
    """Look for where rules stand alone, and so nobody is told.

    Args:
        root: `route` as it was read.
        listed: `receivers` as it was read.
        receivers: those that there are.

    Returns:
        What may not be meant.
    """
    alone = {each.name for each in receivers if each.actions and not told(each)}
    warnings = []
    for path, node in nodes(root, ("route",)):
        if node.get("receiver") in alone and str(node.get("continue", "")).lower() != "true":
            message = (
                f"tells nobody: {node['receiver']!r} only does something about alerts; continue: true tells others"
            )
            if path == ("route",):
                message = (
                    f"tells nobody: {node['receiver']!r} only does something about alerts, and who is told of trouble"
                )
                message += " is this one"
            warnings.append(document.problem((*path, "receiver"), message))
    for at, each in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(each, dict) and isinstance(each.get("fallback"), str) and each["fallback"] in alone:
            message = f"tells nobody: {each['fallback']!r} only does something about alerts"
            warnings.append(document.problem(("receivers", at, "fallback"), message))
    return warnings


def told(receiver: Receiver) -> bool:
    """Whether a receiver tells anybody."""
    return any(not each.settings.remedies for each in receiver.actions)


def _needs(rule: RemedySettings, web: WebSettings) -> Iterator[tuple[str, str]]:
    if not rule.dry_run and web.auth.alert is None:
        yield "dry_run", _ANYBODY
    if rule.approval == "page" and not web.auth.changers:
        yield "approval", "needs web.auth.change, by which it is known who approves"
    if rule.approval == "slack" and web.slack_signing_secret is None and web.slack_signing_secret_file is None:
        yield "approval", "needs web.slack_signing_secret, without which no button works"


def _otherwise(rule: RemedySettings, receivers: Sequence[Receiver]) -> Iterator[tuple[str, str]]:
    if rule.otherwise is None:
        return
    names = [each.name for each in receivers]
    if rule.otherwise not in names:
        yield "otherwise", no_receiver(rule.otherwise, names)
    elif not any(told(each) for each in receivers if each.name == rule.otherwise):
        yield "otherwise", f"tells nobody: {rule.otherwise!r} has no action that tells somebody"


def _rules(listed: Any, receivers: Sequence[Receiver]) -> Iterator[tuple[Path_, RemedySettings]]:
    """Each rule, and where it stands."""
    read = [each if isinstance(each, dict) else {} for each in (listed if isinstance(listed, list) else ())]
    places = {str(each.get("name")): at for at, each in enumerate(read)}
    for receiver in receivers:
        for action in receiver.actions:
            if isinstance(action.settings, RemedySettings):
                place = ("receivers", places.get(receiver.name, 0), f"{action.kind}_configs", action.index)
                yield place, action.settings
