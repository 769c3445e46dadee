"""`python app.py route-test`: who would be told of an alert, as `amtool config routes test` says it.

Source: https://github.com/prometheus/alertmanager/blob/main/cli/test_routing.go
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from config.schema import Configuration
from routing import Taken, take


def make_command(configured: Callable[[Path | None], Configuration]) -> click.Command:
    """The command.

    Args:
        configured: loads a file, or what CONFIG_FILE names.
    """

    @click.command("route-test")
    @click.option(
        "--config",
        "--config.file",
        "file",
        type=click.Path(path_type=Path),
        help="Instead of what CONFIG_FILE names.",
    )
    @click.option("--tree", is_flag=True, help="Draw the routes that it takes.")
    @click.option(
        "--verify.receivers",
        "expected",
        metavar="NAME,...",
        help="Exit with 1 unless exactly these are told, in this order.",
    )
    @click.argument("labels", nargs=-1, metavar="LABEL=VALUE...")
    def route_test(file: Path | None, tree: bool, expected: str | None, labels: tuple[str, ...]) -> None:
        """Print who would be told of an alert with these labels, comma-separated, on the last line."""
        pairs = dict(map(_pair, labels))
        taken = take(configured(file).file.route, pairs)
        if tree:
            click.echo("\n".join(["Matching routes:", ".", *_drawn(taken, "", last=True), "", ""]))
        names = list(taken.receivers)
        click.echo(",".join(names))
        if expected is not None and names != [each.strip() for each in expected.split(",")]:
            click.echo(f"expected {expected}", err=True)
            sys.exit(1)

    return route_test


def _pair(label: str) -> tuple[str, str]:
    try:
        # As bytes, whatever the locale took them for.
        name, equals, value = os.fsencode(label).decode().partition("=")
    except UnicodeDecodeError:
        raise click.UsageError(f"{label!r} is not UTF-8") from None
    if not name or not equals:
        raise click.UsageError(f"{label!r} is not LABEL=VALUE")
    return name, value


def _drawn(taken: Taken, indent: str, *, last: bool) -> Iterator[str]:
    """A route and those below it, a line each."""
    conditions = sorted(taken.route.conditions, key=lambda each: (each.name, each.value))
    matchers = ",".join(map(str, conditions))
    told = "" if taken.children else f"  receiver: {taken.receiver}"
    yield f"{indent}{'└' if last else '├'}── {f'{{{matchers}}}' if matchers else 'default-route'}{told}"
    for number, child in enumerate(taken.children, start=1):
        # Spaces that no shell breaks a line at, as amtool has them.
        below = indent + ("    " if last else "│\u00a0\u00a0 ")
        yield from _drawn(child, below, last=number == len(taken.children))
