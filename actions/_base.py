"""What an action is, and what all that speak HTTP have in common.

An action is a module `actions/<kind>.py` with a class `Settings` (one element of `<kind>_configs`) and a class
`Action`, which sends one notification and either returns a Receipt or raises a SendError.
"""

from __future__ import annotations

import email.utils
import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from actions._digest import counted
from alerts.findings import Gap, Reading
from alerts.model import Alert, AlertGroup
from alerts.notification import Notification, Preview, Receipt, SendError, Thread
from alerts.severity import worst_first
from alerts.target import target
from config.base import SecretError, http_url, read_secret
from outbound import Answer, Http, OutboundError, redacted

_MAX_ANSWER = 300
_MAX_NOTE = 100
_MAX_NOTE_READ = 10_000
_WORD = re.compile(r"[a-z]+(?:_[a-z]+)*")


class Action(Protocol):
    """One way to tell somebody."""

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Tell it, once.

        Args:
            notification: what to tell.
            thread: what the destination holds of the group already.
            deadline_seconds: for the whole of it.

        Raises:
            SendError: it was not told, or may not have been.
        """
        ...

    def preview(self, notification: Notification) -> Preview:
        """What would be sent; nothing is.

        Raises:
            SendError: nothing would be sent.
        """
        ...


def find() -> dict[str, ModuleType]:
    """Every kind of action there is: its name, and its module with `Settings` and `Action(settings, http)`."""
    names = sorted(each.name for each in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return {name: importlib.import_module(f"actions.{name}") for name in names if not name.startswith("_")}


def secret(value: Any, file: Path | None) -> str:
    """A secret setting's value.

    Raises:
        SendError: its file cannot be read; not permanent, for a mounted file may come back.
    """
    try:
        return read_secret(value, file)
    except SecretError as error:
        raise SendError(str(error)) from None


def json_bytes(document: Any) -> bytes:
    """A document as JSON, as it is sent: half a surrogate pair becomes "?"."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def post_json(
    http: Http,
    url: str,
    document: Any,
    *,
    deadline_seconds: float,
    secrets: Iterable[str],
    far_side: str,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Post a JSON document and judge the status, as all far sides mean it.

    Args:
        document: what is to be JSON; bytes are JSON already.
        secrets: what must not appear in an error, whatever the far side sends back.
        far_side: its name, for errors.
        headers: beside that of the content type and those of the connections.

    Returns:
        The answer, whose status is 2xx.

    Raises:
        SendError: 408, 425, 429, 5xx and a missing answer may be tried again; any other status is permanent.
    """
    body = document if isinstance(document, bytes) else json_bytes(document)
    answer = asked(
        http, url, body, deadline_seconds=deadline_seconds, secrets=secrets, far_side=far_side, headers=headers
    )
    return judged(answer, secrets, far_side)


def asked(
    http: Http,
    url: str,
    body: bytes,
    *,
    deadline_seconds: float,
    secrets: Iterable[str],
    far_side: str,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Post JSON and return the answer, whatever its status; see `post_json`.

    Raises:
        SendError: there was no answer; it may be tried again.
    """
    try:
        _checked(url)
    except ValueError as error:
        raise SendError(f"{far_side}: its URL {error}") from None
    sent = {"Content-Type": "application/json", **(headers or {})}
    try:
        return http.post(url, data=body, headers=sent, deadline_seconds=deadline_seconds)
    except OutboundError as error:
        raise SendError(redacted(f"{far_side}: {error}", secrets)) from None


def judged(answer: Answer, secrets: Iterable[str], far_side: str) -> Answer:
    """An answer whose status is 2xx; see `post_json`.

    Raises:
        SendError: it is another.
    """
    if 200 <= answer.status < 300:
        return answer
    because = said(answer, secrets)
    raise SendError(
        f"{far_side}: status {answer.status}: {because}",
        permanent=answer.status not in (408, 425, 429) and answer.status < 500,
        retry_after_seconds=retry_after_seconds(answer.headers, datetime.now(UTC)),
        throttled=answer.status == 429,
        word=one_word(because) or str(answer.status),
    )


def one_word(text: str) -> str:
    """What is wrong, where a far side says it in one word such as "invalid_blocks"; "" where it says anything else."""
    return text if _WORD.fullmatch(text) else ""


def said(answer: Answer, secrets: Iterable[str]) -> str:
    """The beginning of what a far side answered, on one line and without secrets."""
    # Struck out before anything is cut: of a secret cut in two nothing would be recognised.
    text = " ".join(redacted(answer.text, [*secrets, *answer.secrets])[:10_000].split())
    return text[:_MAX_ANSWER] or "no explanation"


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """How long a far side asks to be left alone.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after (seconds, or a date).
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def cut(text: str, limit: int, size: Callable[[str], int] = len) -> str:
    """Cut a text to a limit, with an ellipsis where something is missing.

    Args:
        limit: at least 1, in what `size` measures.
        size: of a text; it must grow with the text.
    """
    if size(text) <= limit:
        return text
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(text[:middle] + "…") <= limit else (low, middle - 1)
    return text[:low] + "…" if size("…") <= limit else ""


# A destination's is the same each time, and to read one takes as long as to post half of what goes there.
_checked = lru_cache(maxsize=256)(http_url)


@lru_cache(maxsize=256)
def link(text: str, limit: int = 3000) -> str:
    """A URL that may be shown as a link, or "": other schemes (javascript:) and over-long ones are none.

    Nor are those that no URL may hold, control characters and `<>`: far sides refuse the whole message for one.
    """
    whole = len(text) <= limit and text.isprintable() and not {"<", ">"} & set(text)
    try:
        return http_url(text) if whole else ""
    except ValueError:
        return ""


def leading(group: AlertGroup) -> Alert:
    """The alert that stands for the group: the worst one firing, or the worst of those that are over."""
    return worst_first(group.alerts)[0]


def subject(alert: Alert) -> str:
    """What an alert is about: "customer/rs-transformer-9b75b", an instance, a namespace, or ""."""
    return target(alert).text


def title(notification: Notification) -> str:
    """The group's state and name: "[FIRING:2] KubePodCrashLooping" (and the names beside it, if there are others).

    A digest has its counts: "[DIGEST] 12 alerts in 9 groups: 4 critical firing; 8 resolved".
    """
    if notification.digest:
        return f"[DIGEST] {counted(notification.digest)}"
    group = notification.group
    names = sorted({alert.name for alert in group.firing or group.alerts})
    name = names[0] if len(names) == 1 else f"{leading(group).name} and {len(names) - 1} more"
    count = f":{len(group.firing)}" if len(group.firing) > 1 else ""
    return f"[{group.status.upper()}{count}] {name}"


def notes(notification: Notification, limit: int) -> str:
    """What else a reader should know, on one line: "still firing, 4h; 4th time in 30m", or ""."""
    # Each is cut, too: one that is too long leaves room for the others.
    lines = (cut(" ".join(each[:_MAX_NOTE_READ].split()), _MAX_NOTE) for each in notification.notes)
    return cut("; ".join(filter(None, lines)), limit)


def briefs(findings: Iterable[Reading | Gap]) -> list[str]:
    """Findings in the fewest words: "CPU 0.42 of 0.50 cores (84%)", "memory unknown".

    What is unknown is worth a word only beside something that was asked for and answered.
    """
    found = list(findings)
    answered = any(isinstance(each, Reading) and each.query for each in found)
    told = [each for each in found if answered or isinstance(each, Reading)]
    return [f"{each.title} {'unknown' if isinstance(each, Gap) else each.brief}" for each in told]
