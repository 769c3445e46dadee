"""Recorded payloads, on which each template is tried when the configuration is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from actions._texts import context
from alerts.findings import Excerpt, Finding, Gap, Reading
from alerts.model import AlertGroup
from alerts.notification import Notification
from alerts.payload import parse
from templating import Template, TemplateError

_FOLDER = Path(__file__).with_name("recorded")
_AT = datetime(2026, 3, 2, 7, 32, tzinfo=UTC)
_MIB = 1024.0 * 1024.0
# A template is to do without readings as well as with them; none has all of these.
_FOUND: dict[str, tuple[Finding, ...]] = {
    "firing": (
        Reading("cpu", "CPU", 0.42, "cores", _AT, "cpu", request=0.25, limit=0.5, note="throttled 12% of the time"),
        Reading("memory", "memory", 220 * _MIB, "bytes", _AT, "memory", limit=256 * _MIB),
        Reading("expression", "the rule's value", 2.11, "", _AT, "expression", threshold=1),
        Gap("node", "node", "Prometheus timed out after 2s"),
        Excerpt("logs", "log of rs-transformer", ("starting", "panic: out of memory"), _AT, "kubectl logs"),
    ),
    "mixed": (Reading("memory", "memory", 7_000 * _MIB, "bytes", _AT, "memory"), Gap("cpu", "CPU", "no data")),
}


@lru_cache(maxsize=1)
def recorded() -> dict[str, Notification]:
    """A notification of each payload, by the payload's name."""
    return {path.stem: _notification(path.stem, group) for path in _files() for group in _groups(path)}


def try_template(template: Template) -> None:
    """Render a template for each of the payloads.

    Raises:
        TemplateError: it fails for one, which the message names.
    """
    for name, notification in recorded().items():
        try:
            template.render(context(notification))
        except TemplateError as error:
            raise TemplateError(f"fails for recorded/{name}.json: {error}") from None


def _files() -> Iterator[Path]:
    yield from sorted(_FOLDER.glob("*.json"))


def _groups(path: Path) -> tuple[AlertGroup, ...]:
    return parse(path.read_bytes(), _AT)


def _notification(name: str, group: AlertGroup) -> Notification:
    findings = {each.fingerprint: _FOUND.get(name, ()) for each in group.alerts}
    notes = ("still firing, 4h", "4th time in 30m") if name == "firing" else ()
    page = "https://alerts.example/#group" if name == "firing" else ""
    return Notification("on-call", "test", 0, group, findings, page, notes)
