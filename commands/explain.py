"""`python app.py explain`: what would become of a payload, and why, without telling anybody."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

import pipeline
import units
from alerts.payload import PayloadError
from commands.table import plain
from config.schema import Configuration
from outbox.database import StoreError, migrate, open_current, open_database
from outbox.store import Store
from pipeline import Running

_LONGEST_PROMQL = 300


def make_command(run: Callable[[Path | None], Running], database_url: Callable[[Configuration], str]) -> click.Command:
    """The command.

    Args:
        run: loads a file, or what CONFIG_FILE names, and makes what would run with it.
        database_url: where events and deliveries are kept.
    """

    @click.command("explain")
    @click.option("--config", "file", type=click.Path(path_type=Path), help="Instead of what CONFIG_FILE names.")
    @click.option("--at", "moment", metavar="TIME", help="As if it came then: 2026-03-02T07:31:57Z. Now, unless given.")
    @click.option("--json", "as_json", is_flag=True, help="As JSON.")
    @click.argument("payload", type=click.File("rb"), metavar="PAYLOAD.json")
    def explain(file: Path | None, moment: str | None, as_json: bool, payload: Any) -> None:
        """Say who would be told what of a payload ("-" is standard input), and why; nothing is sent or kept."""
        now = _moment(moment)
        running = run(file)
        try:
            with _stored(database_url(running.configuration)) as store:
                found = pipeline.explain(payload.read(), running, store, now)
        except PayloadError as error:
            click.echo(f"{getattr(payload, 'name', '-')}: {error}", err=True)
            sys.exit(1)
        if as_json:
            click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            click.echo("\n".join(_written(found)))

    return explain


def _moment(text: str | None) -> datetime:
    try:
        return datetime.now(UTC) if text is None else units.moment(text)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--at") from None


@contextmanager
def _stored(url: str) -> Iterator[Store]:
    """What is kept; nothing, where no service has kept anything yet."""
    with ExitStack() as stack:
        try:
            engine = open_current(url)
        except StoreError as error:
            click.echo(f"warning: as if nothing had come before: {error}", err=True)
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            engine = open_database(f"sqlite:///{folder}/empty.db")
            migrate(engine)
        stack.callback(engine.dispose)
        # It holds no delivery, so it needs no name.
        yield Store(engine, "")


def _written(found: Mapping[str, Any]) -> Iterator[str]:
    """The explanation, for people."""
    yield f"as of {found['at']}"
    if found["error"]:
        yield f"nobody is told: {found['error']}"
    for group in found["groups"]:
        yield ""
        yield f"group {plain(group['key'])}: {group['status']}"
        if group["duplicate_of"] is not None:
            yield f"  a duplicate of event {group['duplicate_of']}: nobody is told again"
        yield from (f"  {plain(note)}" for note in group["notes"])
        for alert in group["alerts"]:
            yield from _alert(alert)
        if group["alerts_left_out"]:
            yield f"  and {group['alerts_left_out']} more alerts"
        yield from _deliveries(group["deliveries"])
    if found["queries"]:
        yield ""
        yield "asked of Prometheus first"
        yield from (f"  {each['enricher']}: {plain(each['promql'][:_LONGEST_PROMQL])}" for each in found["queries"])


def _alert(alert: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"  {plain(alert['name'])} ({alert['fingerprint']}) {alert['status']}"
    yield from (f"    {line}" for line in _routes(alert["routes"]))
    for each in alert["inhibit_rules"]:
        source = f"alert {each['source']} fires" if each["source"] else "no source fires"
        yield f"    inhibition {plain(each['rule'])}: {source}"
    if alert["inhibited"]:
        yield f"    {plain(alert['inhibited'])}"


def _routes(tried: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    matchers = f" {{{','.join(map(plain, tried['matchers']))}}}" if tried["matchers"] else ""
    if not tried["matched"]:
        yield f"{indent}✗ {tried['route']}: {'; '.join(map(plain, tried['failing']))}"
        return
    told = f" → {plain(tried['receiver'])}" if tried["told"] else ""
    muted = f" ({plain(tried['muted'])})" if tried.get("muted") else ""
    yield f"{indent}✓ {tried['route']}{matchers}{told}{muted}"
    for child in tried["routes"]:
        yield from _routes(child, depth + 1)


def _deliveries(deliveries: list[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    if not deliveries:
        yield "  nobody is told"
    for each in deliveries:
        if not each["told"]:
            yield f"  {plain(each['destination'])} is not told: {plain(each['reason'])}"
            continue
        held = f" (held until {each['due_at']})" if "due_at" in each else ""
        yield f"  {plain(each['destination'])} is told{held}"
        yield from (f"    note: {plain(note)}" for note in each["notes"])
        message = json.dumps(each["message"], indent=2, ensure_ascii=False)
        yield from (f"    {line}" for line in message.split("\n"))
