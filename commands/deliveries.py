"""`python app.py deliveries list|retry|drop`: on the database itself, whether the service runs or not."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import repeat

import click

import units
from commands.table import table
from outbox.database import open_current
from outbox.listing import WORDS, ListedDelivery, Word, document
from outbox.store import Store

_STEERABLE: tuple[Word, ...] = ("pending", "retrying", "dead")
_HEADINGS = ("ID", "STATE", "AGE", "DESTINATION", "ATTEMPTS", "NEXT", "ALERTS", "DETAIL")
_NAMES_SHOWN = 3
_LARGEST_ID = 2**63 - 1
_AT_ONCE = 500
# What several threads write is one commit.
_THREADS = 32

Steer = Callable[[int, datetime], str | None]


def make_group(database_url: Callable[[], str]) -> click.Group:
    """The commands.

    Args:
        database_url: where the deliveries are kept; asked when a command runs.
    """

    @contextmanager
    def store() -> Iterator[Store]:
        engine = open_current(database_url())
        try:
            # It holds no delivery, so it needs no name.
            yield Store(engine, "")
        finally:
            engine.dispose()

    @click.group()
    def deliveries() -> None:
        """See deliveries, have them tried again, or drop them."""

    @deliveries.command("list")
    @click.option(
        "--state", "words", multiple=True, type=click.Choice(WORDS), help="Of this state; several may be given."
    )
    @click.option("--destination", help="To this one, as in on-call/slack/0.")
    @click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
    @click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
    def list_command(words: tuple[Word, ...], destination: str | None, limit: int, as_json: bool) -> None:
        """List deliveries, the newest first."""
        now = datetime.now(UTC)
        with store() as opened:
            found = opened.deliveries(words, now=now, limit=limit, destination=destination)
        if as_json:
            click.echo(json.dumps([document(each, now) for each in found], indent=2))
        elif found:
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
            click.echo(table(_HEADINGS, [_row(each, now) for each in found], width))
        else:
            click.echo("no deliveries")

    @deliveries.command()
    @_which
    def retry(ids: tuple[int, ...], everything: bool, words: tuple[Word, ...], destination: str | None) -> None:
        """Have deliveries that are dead, or wait for their next attempt, tried again at once."""
        _check(ids, everything, words, destination)
        with store() as opened:
            chosen = [ids] if ids else _all(opened, words, destination)
            _steer(chosen, opened.queue.retry, "will be tried again", one_by_one=bool(ids))

    @deliveries.command()
    @_which
    @click.option("--yes", is_flag=True, help="With --all: it is meant.")
    def drop(
        ids: tuple[int, ...], everything: bool, words: tuple[Word, ...], destination: str | None, yes: bool
    ) -> None:
        """Have deliveries that wait or are dead never sent; they end as suppressed."""
        _check(ids, everything, words, destination)
        if everything and not yes:
            raise click.UsageError("--all drops what nobody will then be told: it needs --yes, too")
        with store() as opened:
            chosen = [ids] if ids else _all(opened, words, destination)
            _steer(chosen, opened.queue.drop, "dropped", one_by_one=bool(ids))

    return deliveries


def _which(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments that say which deliveries are meant."""
    for add in (
        click.option("--destination", help="With --all: only those to this one, as in on-call/slack/0."),
        click.option(
            "--state",
            "words",
            multiple=True,
            type=click.Choice(_STEERABLE),
            help="With --all: only those of this state; dead unless given.",
        ),
        click.option("--all", "everything", is_flag=True, help="All that --state and --destination leave."),
        click.argument("ids", nargs=-1, type=click.IntRange(1, _LARGEST_ID), metavar="[ID]..."),
    ):
        command = add(command)
    return command


def _check(ids: Sequence[int], everything: bool, words: Sequence[Word], destination: str | None) -> None:
    if bool(ids) == everything:
        raise click.UsageError("either IDs or --all")
    if ids and (words or destination is not None):
        raise click.UsageError("--state and --destination go with --all")


def _all(store: Store, words: Sequence[Word], destination: str | None) -> Iterator[Sequence[int]]:
    """The ids of deliveries, some at a time."""
    before_id = None
    while found := store.delivery_ids(words or ("dead",), limit=_AT_ONCE, before_id=before_id, destination=destination):
        yield found
        before_id = found[-1]


def _steer(
    chosen: Iterator[Sequence[int]] | Sequence[Sequence[int]], steer: Steer, done: str, *, one_by_one: bool
) -> None:
    """Steer each of the deliveries, say what came of it, and exit 1 when one was refused."""
    refusals = Counter[str]()
    count = 0
    with ThreadPoolExecutor(_THREADS) as executor:
        try:
            for ids in chosen:
                outcomes = executor.map(steer, ids, repeat(datetime.now(UTC)))
                for delivery_id, refused in zip(ids, outcomes, strict=True):
                    if refused is None:
                        count += 1
                    else:
                        refusals[f"delivery {delivery_id}: {refused}" if one_by_one else f"refused: {refused}"] += 1
        finally:
            click.echo(f"{count} {'delivery' if count == 1 else 'deliveries'} {done}")
            for refusal, times in refusals.items():
                click.echo(refusal if one_by_one else f"{times} {refusal}", err=True)
    if refusals:
        sys.exit(1)


def _row(delivery: ListedDelivery, now: datetime) -> tuple[str, ...]:
    names = [*delivery.alerts[:_NAMES_SHOWN]]
    if len(delivery.alerts) > _NAMES_SHOWN:
        names.append(f"+{len(delivery.alerts) - _NAMES_SHOWN}")
    detail = delivery.detail
    if delivery.successor_id is not None:
        detail = f"{detail} (delivery {delivery.successor_id})".strip()
    return (
        str(delivery.id),
        delivery.word,
        units.duration((now - delivery.received_at).total_seconds()),
        delivery.destination,
        str(delivery.attempts),
        _next(delivery.next_at, now),
        ", ".join(names),
        detail,
    )


def _next(next_at: datetime | None, now: datetime) -> str:
    if next_at is None:
        return "-"
    return "now" if next_at <= now else f"in {units.duration((next_at - now).total_seconds())}"
