"""Sending to Slack as much of a message as it takes: what it says is too long goes again at once, smaller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from actions._slack_answer import remedy
from actions._slack_fitting import smaller
from alerts.notification import SendError

Document = Mapping[str, Any]

_MAX_DETAIL = 200
_MOST_KNOWN = 1_000


class Sizes:
    """Which sizes of a message were refused, for its next attempt: Slack may be told too much before one is taken.

    Of one process, and of the last messages: who knows nothing begins with the whole.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, str]] = {}

    def refused(self, key: str) -> tuple[int, str]:
        """How many sizes of it were refused, the largest first, and what Slack said to the first."""
        return self._known.get(key, (0, ""))

    def keep(self, key: str, count: int, said: str) -> None:
        """Remember that."""
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[key] = (count, said)

    def forget(self, key: str) -> None:
        """It was taken, or never will be."""
        self._known.pop(key, None)


def send_what_fits(
    document: Document, send: Callable[[Document], Document], sizes: Sizes, key: str, *, existing: bool = False
) -> tuple[Document, str]:
    """Send a message, or an edit of one, or as much of it as Slack takes.

    Args:
        send: sends one size of it and returns the answer; all within one deadline.
        sizes: what is known of earlier attempts.
        key: the message's there.
        existing: it is about a message that is there already: an edit, or a reply to it.

    Returns:
        The answer, and what Slack said to the whole where only a part was taken; "" where all was.

    Raises:
        SendError: not even the top line was taken, or the error is not one of size.
    """
    documents = [document, *smaller(dict(document))]
    refused, said = sizes.refused(key)
    first = min(refused, len(documents) - 1)
    for number, each in enumerate(documents[first:], start=first + 1):
        try:
            answer = send(each)
        except SendError as error:
            if remedy(error.word, existing=existing) != "smaller":
                raise
            said = said or str(error)
            if number == len(documents):
                sizes.forget(key)
                raise
            sizes.keep(key, number, said)
        else:
            break
    sizes.forget(key)
    return answer, said


def detail(done: str, said: str) -> str:
    """What a receipt says.

    Args:
        done: "posted".
        said: what Slack said to the whole, if it did.
    """
    return f"{done} a part of it; of the whole said {said}"[:_MAX_DETAIL] if said else done
