"""`python app.py send-test`: a real notification that says that it is a test, and what each far side made of it."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

import units
from actions import Action
from alerts.model import AlertGroup
from alerts.payload import PayloadError, parse
from commands.table import plain
from commands.trial import Told, Trial, marked, states, tell, test_group
from config.schema import ActionConfig, Configuration, Receiver

_MOST_NEAR = 3


def _seconds(_: click.Context, __: click.Parameter, text: str) -> float:
    try:
        return units.duration_seconds(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def make_command(
    configured: Callable[[Path | None], Configuration], build: Callable[[Configuration], Mapping[str, Action]]
) -> click.Command:
    """The command.

    Args:
        configured: loads a file, or what CONFIG_FILE names.
        build: every receiver's actions, by destination, as the service has them.
    """

    @click.command("send-test")
    @click.option("--config", "file", type=click.Path(path_type=Path), help="Instead of what CONFIG_FILE names.")
    @click.option("--action", "kind", metavar="KIND", help="Of its actions only those of a kind, such as slack.")
    @click.option("--index", type=click.IntRange(0), help="Of these only one; they are counted from 0.")
    @click.option(
        "--status",
        type=click.Choice(["firing", "resolved", "both"]),
        help="Firing, unless given; what wakes people is then told that it is over, too.",
    )
    @click.option("--resolved", "status", flag_value="resolved", help="The same as --status resolved.")
    @click.option("--resolve-after", callback=_seconds, default="0", metavar="TIME", help="Let it fire so long: 1m.")
    @click.option("--severity", default="info", show_default=True, help="Of the test alert.")
    @click.option("--payload", type=click.File("rb"), help='Of what to tell instead; "-" is standard input.')
    @click.option("--timeout", callback=_seconds, default="10s", show_default=True, help="For each message.")
    @click.argument("receiver", required=False)
    def send_test(
        file: Path | None,
        kind: str | None,
        index: int | None,
        status: str | None,
        resolve_after: float,
        severity: str,
        payload: Any,
        timeout: float,
        receiver: str | None,
    ) -> None:
        """Tell RECEIVER, or the root route's, of a test, and print what each far side said; nothing is kept."""
        configuration = configured(file)
        to = _receiver(configuration, receiver)
        chosen = []
        for each in _chosen(to, kind, index):
            if each.settings.remedies:
                said = "a rule, which tells nobody and is not tried here: explain says what it would do"
                click.echo(f"{to.name}/{each.kind}/{each.index}: {said}")
            else:
                chosen.append(each)
        if not chosen and not to.actions:
            click.echo(f"{to.name} has no action: nobody is told")
            return
        groups = _payload(payload) if payload else [test_group(to.name, severity, datetime.now(UTC))]
        trials = [Trial(to.name, each, group, states(each, group, status)) for each in chosen for group in groups]
        actions = build(configuration)
        well = _said(tell(trials, 0, actions, datetime.now(UTC), timeout))
        if any(len(each.states) > 1 and each.thread for each in trials):
            _wait(resolve_after)
            well = _said(tell(trials, 1, actions, datetime.now(UTC), timeout)) and well
        sys.exit(0 if well else 1)

    return send_test


def _receiver(configuration: Configuration, name: str | None) -> Receiver:
    name = name or str(configuration.file.route.receiver)
    found = configuration.receiver(name)
    if found is None:
        names = [each.name for each in configuration.receivers]
        raise click.UsageError(f"there is no receiver {name!r}; {_near(name, names)}")
    return found


def _chosen(receiver: Receiver, kind: str | None, index: int | None) -> list[ActionConfig]:
    """Those of a receiver's actions that are meant; none only where it has none at all."""
    found = [each for each in receiver.actions if kind in (None, each.kind) and index in (None, each.index)]
    if receiver.actions and not found:
        meant = f"{receiver.name}/{kind or '*'}/{'*' if index is None else index}"
        names = [f"{receiver.name}/{each.kind}/{each.index}" for each in receiver.actions]
        raise click.UsageError(f"there is no action {meant!r}; {_near(meant, names)}")
    return found


def _near(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=_MOST_NEAR)
    return f"did you mean {', '.join(near)}?" if near else f"there are: {', '.join(names)}"


def _payload(file: Any) -> list[AlertGroup]:
    try:
        return [marked(each) for each in parse(file.read(), datetime.now(UTC))]
    except PayloadError as error:
        raise click.ClickException(f"{getattr(file, 'name', '-')}: {error}") from None


def _said(told: Iterable[Told]) -> bool:
    """Print what came of each message, as soon as it is known.

    Returns:
        Whether all were taken.
    """
    well = True
    for each in told:
        well = well and each.taken
        click.echo(f"{each.destination} ({each.state}): {plain(each.detail)}", err=not each.taken)
        for error in each.template_errors:
            click.echo(f"warning: {each.destination}: template failed: {plain(error)}", err=True)
    return well


def _wait(seconds: float) -> None:
    try:
        time.sleep(seconds)
    except KeyboardInterrupt:
        # What was begun is ended all the same.
        click.echo("ending it now", err=True)
