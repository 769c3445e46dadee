"""How the mails about one group become one conversation: each names the first one.

Source: https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4 and https://www.jwz.org/doc/threading.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal

from alerts.notification import Notification, Thread
from config.base import Settings


class ThreadingSettings(Settings):
    """Which mails are one conversation.

    Attributes:
        enabled: those of one group are, from the first that fires to the end of the last.
        thread_by_date: "daily" begins another one each day.
    """

    enabled: bool = True
    thread_by_date: Literal["none", "daily"] = "none"


def message_id(notification: Notification, domain: str) -> str:
    """A mail's own name, the same at each attempt to send it: whoever gets it twice can know."""
    return f"<{notification.delivery_key[:32]}@{domain}>"


def references(
    settings: ThreadingSettings, notification: Notification, thread: Thread, own: str, domain: str, now: datetime
) -> tuple[Mapping[str, str], Thread]:
    """The headers that name the conversation, and what is to be known of it the next time.

    Args:
        own: the mail's own name, with which a conversation begins.
    """
    if not settings.enabled:
        return {}, thread
    if settings.thread_by_date == "daily":
        # The name of no mail: programs make a place for one that they have not got.
        root = f"<{notification.key[:32]}.{now.date().isoformat()}@{domain}>"
    else:
        root = thread.key if thread.open and thread.key else own
        thread = replace(thread, key=root)
    return ({} if root == own else {"References": root, "In-Reply-To": root}), thread
