"""A mail as it is sent: headers that hold what they are given and nothing else, and the same in HTML and in plain text.

Source: https://www.rfc-editor.org/rfc/rfc5322, rfc2047 (other letters in headers), rfc2387 (pictures)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime

from actions._addresses import Mailbox, mailboxes
from actions._base import cut
from actions._mail_rendering import Picture
from actions._plain import plain

_MAX_HEADER = 2_000
_MAX_SUBJECT = 250
_POLICY = policy.SMTP.clone(cte_type="7bit")
_ADDRESSES = frozenset({"to", "from", "cc", "reply-to", "sender"})
_NAMES = frozenset({"message-id", "references", "in-reply-to"})
_MESSAGE_ID = re.compile(r"<[\w+=/-]+(\.[\w+=/-]+)*@[\w-]+(\.[\w-]+)*>", re.ASCII)
# What stands for those whom nobody else is to see.
_HIDDEN = "undisclosed-recipients:;"
_UNNAMED = "<unnamed@invalid>"


def letter(
    headers: Mapping[str, str],
    *,
    now: datetime,
    text: str | None,
    html: str | None,
    pictures: Sequence[Picture] = (),
) -> bytes:
    """Write a mail.

    Args:
        headers: by name, each once; what they hold may be anybody's. What cannot stand there is left out.
        text: None for none.
        html: None for none.
        pictures: which the HTML shows.

    Returns:
        Lines of ASCII that end in CRLF, none of them longer than 998.
    """
    message = EmailMessage(_POLICY)
    for name, value in {**headers, "Date": format_datetime(now)}.items():
        message[name] = _header(name, value)
    if text is not None:
        message.set_content(_whole(text), cte="quoted-printable")
    if html is not None:
        if text is None:
            message.set_content(_whole(html), subtype="html", cte="quoted-printable")
        else:
            message.add_alternative(_whole(html), subtype="html", cte="quoted-printable")
        part = message if text is None else message.get_payload()[-1]  # type: ignore[index]  # a list, after that
        for picture in pictures:
            part.add_related(picture.png, "image", "png", cid=f"<{picture.cid}>", disposition="inline")  # type: ignore[union-attr]
    return message.as_bytes()


def listed(several: Sequence[Mailbox]) -> str:
    """Addresses as a header holds them."""
    return ", ".join(map(_written, several))


def why_not(name: str, value: str) -> str:
    """Why a header cannot hold a value, or "": addresses, and a mail's own name, have a form of their own."""
    if name.lower() in _ADDRESSES and value != _HIDDEN:
        try:
            mailboxes(value)
        except ValueError as error:
            return str(error)
    if name.lower() == "message-id" and not _MESSAGE_ID.fullmatch(value):
        return "should be such as <1234@example.com>"
    return ""


def _header(name: str, value: str) -> str:
    named = name.lower()
    if why_not(name, value):
        return _UNNAMED if named == "message-id" else _HIDDEN
    if named in _ADDRESSES:
        return value if value == _HIDDEN else listed(mailboxes(value))
    shown = plain(value, _MAX_SUBJECT if named == "subject" else _MAX_HEADER)
    return re.sub("[^ -~]", "", shown) if named in _NAMES else _unencoded(shown)


def _written(mailbox: Mailbox) -> str:
    if not mailbox.name:
        return mailbox.address
    escaped = re.sub(r'(["\\])', r"\\\1", _unencoded(cut(mailbox.name, 200)))
    return f'"{escaped}" <{mailbox.address}>'


def _unencoded(text: str) -> str:
    """A text that nobody takes for another one that is encoded, as RFC 2047 has it."""
    return text.replace("=?", "= ?")


def _whole(text: str) -> str:
    """A text that can be encoded: half a surrogate pair and what no mail may hold become "?"."""
    text = text.encode(errors="replace").decode()
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "?", text)
