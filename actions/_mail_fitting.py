"""A mail in fewer and fewer bytes: a server that takes no large ones is still to take a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from actions._base import cut
from actions._letter import letter
from actions._mail import Mail
from actions._mail_rendering import MailView, html, text

_LEFT_OUT = "left out, as the mail was too large: {}"
_MAX_TEXT = 20_000


def contents(
    headers: Mapping[str, str], parts: Mapping[str, Any], told: Mail, errors: Sequence[str], now: datetime, *, own: bool
) -> Iterator[bytes]:
    """Write the mail as it is to be, then without pictures, then as plain text alone; the smaller ones say so.

    Args:
        parts: the HTML, the plain text and the pictures.
        own: the HTML is the user's: it may have no other place for what a picture shows.
    """
    yield letter(headers, now=now, **parts)
    if parts["pictures"] and not own:
        shown = _without(told, errors, "pictures")
        yield letter(headers, now=now, html=html(shown), text=parts["text"])
    if parts["html"] is not None:
        shown = _without(told, errors, "HTML" if not parts["pictures"] else "HTML and pictures")
        yield letter(headers, now=now, html=None, text=cut(text(shown), _MAX_TEXT))


def _without(told: Mail, errors: Sequence[str], what: str) -> MailView:
    said = replace(told, notes="; ".join(filter(None, (told.notes, _LEFT_OUT.format(what)))))
    return MailView(lambda: said, errors)
