"""`python app.py explain`: what would become of a payload, and why, without telling anybody."""

from __future__ import annotations

import json
import re
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
from commands.readable import readable
from commands.table import plain
from config.schema import Configuration
from outbox.database import StoreError, migrate, open_current, open_database
from outbox.store import Store
from pipeline import Running

_LONGEST_PROMQL = 300
_UNFIT = re.compile(r"[^\w.-]+", re.ASCII)


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
    @click.option("--out", type=click.Path(path_type=Path), help="Write each message into this folder, too.")
    @click.argument("payload", type=click.File("rb"), metavar="PAYLOAD.json")
    def explain(file: Path | None, moment: str | None, as_json: bool, out: Path | None, payload: Any) -> None:
        """Say who would be told what of a payload ("-" is standard input), and why; nothing is sent, done or kept."""
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
        if out:
            _write(found, out)

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


def _write(found: Mapping[str, Any], folder: Path) -> None:
    """Each message as a file: a mail as what mail programs show of it, all else as JSON."""
    told = [each for group in found["groups"] for each in group["deliveries"] if each["told"]]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, each in enumerate(told, start=1):
            name = f"{number:02}-{_UNFIT.sub('-', each['destination'])}"
            for suffix, content in _files(each["message"]):
                file = folder / f"{name}.{suffix}"
                file.write_text(content, encoding="utf-8", errors="replace")
                click.echo(f"wrote {file}", err=True)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: cannot be written: {error.strerror}") from None


def _files(message: Any) -> Iterator[tuple[str, str]]:
    if isinstance(message, Mapping) and "headers" in message:
        yield from ((suffix, message[key]) for key, suffix in (("html", "html"), ("text", "txt")) if key in message)
    yield "json", json.dumps(message, indent=2, ensure_ascii=False) + "\n"


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
    if not deliveries:
        yield from ("", "  nobody is told")
    for each in deliveries:
        yield ""
        if not each["told"]:
            yield f"  {plain(each['destination'])} is not told: {plain(each['reason'])}"
            continue
        held = f" (held until {each['due_at']})" if "due_at" in each else ""
        if "remedy" in each:
            yield f"  {plain(each['destination'])} takes it up{held}"
            yield from (f"    {line}" for line in _remedy(each["remedy"]))
            continue
        yield f"  {plain(each['destination'])} is told{held}"
        yield from (f"    note: {plain(note)}" for note in each["notes"])
        yield from (f"    template failed: {plain(error)}" for error in each["template_errors"])
        yield from (f"    {line}" for line in readable(_without_html(each["message"])))


def _remedy(remedy: Mapping[str, Any]) -> Iterator[str]:
    """What a rule would do, and what would stop it."""
    for each in remedy["alerts"]:
        about = f"{plain(each['name'])} ({each['fingerprint']})"
        if each["does"] is None:
            yield f"{about}: nothing would be done: {plain(each['failed'])}"
            continue
        yield f"{about}: {plain(each['does'])}"
        before = ", ".join(f"{plain(str(key))} {plain(str(value))}" for key, value in each["before"].items())
        if before:
            yield f"  it is: {before}"
        yield f"  {_verdict(each['stopped_by'], remedy['approval'])}"
        yield from (f"  {'✓' if one['passed'] else '✗'} {one['guard']}: {plain(one['why'])}" for one in each["guards"])
    if remedy["alerts_left_out"]:
        yield f"and {remedy['alerts_left_out']} more alerts, of which it was not asked what would be done"


def _verdict(stopped_by: Mapping[str, Any] | None, approval: str | None) -> str:
    if stopped_by is None:
        return f"it would be done, once it is approved ({approval})" if approval else "it would be done"
    waits = f" (until {stopped_by['at']})" if "at" in stopped_by else ""
    return f"stopped by {stopped_by['guard']}{waits}: {plain(stopped_by['why'])}"


def _without_html(message: Any) -> Any:
    """A mail is read as text here; its HTML is for a browser."""
    if not isinstance(message, Mapping) or "html" not in message:
        return message
    return {**message, "html": f"{len(message['html']):,} characters, which --out writes"}
