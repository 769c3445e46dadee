"""One message for a group's life: posted, edited, and answered below.

Source: https://docs.slack.dev/reference/methods/chat.update
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from actions._base import cut
from actions._changes import changes
from actions._digest import level
from actions._pictures import fetched
from actions._slack_answer import remedy
from actions._slack_place import Place
from actions._slack_posting import detail
from actions._slack_timeline import MENTION, asking, spoken
from actions._slack_web import Workspace
from alerts.notification import Image, Notification, Receipt, SendError, Thread
from alerts.timeline import Entry
from outbound import Http

# What `chat.update` does not take.
_ONLY_WHEN_POSTED = frozenset(("username", "icon_emoji", "icon_url", "unfurl_links"))
_MAX_ALT = 200
_ORPHANED = "posted: the message that it would be below is gone"


def tell_state(
    workspace: Workspace, document: Mapping[str, Any], notification: Notification, thread: Thread
) -> Receipt:
    """Post the group's message, or edit the one that there is.

    Returns:
        With what is to be said below it: of an edit, which nobody hears, what it changed.

    Raises:
        SendError: neither was done, or may not have been.
    """
    # What is open by a digest, or may be by an attempt, has no message that is known: the last one is of what was over
    # before.
    place = Place.read(thread.key) if thread.open_fingerprints and not thread.digested else None
    told = replace(thread, level=level(notification) if notification.group.firing else thread.level)
    if place is not None and edited(workspace, place, document):
        return Receipt(detail("edited", workspace.refused), told, entries=_changed(notification, thread, document))
    posted = Place.of(workspace.post(document))
    told = replace(told, key=posted.key if posted else "")
    return Receipt(
        detail("posted", workspace.refused), told, entries=_pictures(notification, told.key) if posted else ()
    )


def reply(workspace: Workspace, entries: Sequence[Entry], place: Place | None, channel: str) -> str:
    """Say entries of the timeline below the group's message, and in the channel, too, what is to be heard.

    Args:
        place: the message; None where there is none.
        channel: where it would be.

    Returns:
        What came of it.

    Raises:
        SendError: they were not said, or may not have been.
    """
    now = datetime.now(UTC)
    document: dict[str, Any] = {"text": spoken(entries, now), "unfurl_links": False}
    if blocks := asking(entries, now):
        document["blocks"] = blocks
    if place is None:
        workspace.post({**document, "channel": channel})
        return "posted: there is no message that it would be below"
    loud = any(entry.loud for entry in entries)
    try:
        answer = workspace.post({**document, **place.below, **({"reply_broadcast": True} if loud else {})})
    except SendError as refused:
        if remedy(refused.word, existing=True) != "anew":
            raise
        workspace.post({**document, "channel": place.channel})
        return _ORPHANED
    message = answer.get("message")
    if isinstance(message, dict) and "thread_ts" not in message:
        # A reply to what is deleted is no error to Slack: https://github.com/slack-go/slack/issues/1571
        return _ORPHANED
    return "told below the message and in the channel" if loud else "told below the message"


def share(workspace: Workspace, http: Http, images: Sequence[Image], place: Place | None) -> str:
    """Show pictures below the message; without them it is no less true.

    Returns:
        What came of it.

    Raises:
        SendError: they are not shown, and may be the next time.
    """
    if place is None:
        return "no pictures: there is no message that they would be below"
    found = fetched(http, images, workspace.left_seconds)
    if not found:
        return "no pictures: they cannot be had"
    try:
        workspace.share([(cut(each.alt, _MAX_ALT), png) for each, png in found], place.share)
    except SendError as error:
        if not error.permanent:
            raise
        return f"no pictures: {error}"
    return f"{len(found)} shown below the message"


def edited(workspace: Workspace, place: Place, document: Mapping[str, Any]) -> bool:
    """Whether the message could be edited; it may be gone, or too old for that."""
    taken = {key: value for key, value in document.items() if key not in _ONLY_WHEN_POSTED}
    try:
        workspace.update({**taken, **place.update})
    except SendError as refused:
        if remedy(refused.word, existing=True) != "anew":
            raise
        return False
    return True


def _changed(notification: Notification, thread: Thread, document: Mapping[str, Any]) -> tuple[Entry, ...]:
    text, loud = changes(notification, thread)
    if not text:
        return ()
    new = tuple(
        each.fingerprint for each in notification.group.firing if each.fingerprint not in thread.open_fingerprints
    )
    mentions = tuple(dict.fromkeys(MENTION.findall(document["text"]))) if loud else ()
    return (Entry("changes", text, datetime.now(UTC), loud, new, mentions, thread.key),)


def _pictures(notification: Notification, below: str) -> tuple[Entry, ...]:
    if not notification.images or not notification.group.firing:
        return ()
    shown = "; ".join(each.alt for each in notification.images)[:300]
    return (Entry("picture", shown, datetime.now(UTC), below=below),)
