"""Addresses as `to` and `from` hold them: "ops@example.com, On Call <on-call@example.com>".

What is rare and looks like an attack is none: comments, groups, quoted local parts, routes.
Source: https://www.rfc-editor.org/rfc/rfc5322#section-3.4
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MOST_CHARACTERS = 20_000
_LONGEST = 254
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LITERAL = re.compile(r"\[[0-9A-Za-z:.]{1,60}\]")
# With a name in quotes, with another, or with none.
_QUOTED = re.compile(r'"(?P<name>(?:[^"\\]|\\.)*)"\s*<(?P<address>[^<>]*)>', re.DOTALL)
_NAMED = re.compile(r'(?P<name>[^<>"]*)<(?P<address>[^<>]*)>')


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Whom a mail is for, or from.

    Attributes:
        name: how people call them, or "".
        address: in ASCII, a domain of other letters as IDNA writes it.
    """

    name: str
    address: str

    @property
    def domain(self) -> str:
        """What stands behind the @."""
        return self.address.rpartition("@")[2]


def mailboxes(text: str) -> tuple[Mailbox, ...]:
    """Read a list of addresses; each address once.

    Raises:
        ValueError: it is none; the message names the part that is not.
    """
    found, wrong = sorted_out(text)
    if wrong:
        raise ValueError(wrong[0])
    return found


def sorted_out(text: str) -> tuple[tuple[Mailbox, ...], list[str]]:
    """Read a list of addresses, and say of each part that is none why: whom it is for besides is to have it.

    Raises:
        ValueError: there is no address in it, or no list.
    """
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"has more than {_MOST_CHARACTERS} characters")
    found: dict[str, Mailbox] = {}
    wrong = []
    for piece in filter(None, map(str.strip, _pieces(text))):
        try:
            mailbox = _mailbox(piece)
        except ValueError as error:
            wrong.append(str(error))
            continue
        found.setdefault(mailbox.address, mailbox)
    if not found:
        raise ValueError(wrong[0] if wrong else "holds no address")
    return tuple(found.values()), wrong


def _pieces(text: str) -> list[str]:
    """What stands between commas, but for those within quotes."""
    pieces, begin, quoted, escaped = [], 0, False, False
    for at, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = quoted
        elif character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            pieces.append(text[begin:at])
            begin = at + 1
    if quoted:
        raise ValueError("has a quote that does not end")
    return [*pieces, text[begin:]]


def _mailbox(text: str) -> Mailbox:
    quoted, named = _QUOTED.fullmatch(text), _NAMED.fullmatch(text)
    name, address = (named["name"].strip(), named["address"]) if named else ("", text)
    if quoted:
        name, address = re.sub(r"\\(.)", r"\1", quoted["name"]), quoted["address"]
    local, at, domain = address.strip().rpartition("@")
    shown = repr(text[:80])
    if not at or not local or not domain:
        raise ValueError(f"{shown} is no address")
    if not local.isascii():
        raise ValueError(f"{shown} has other letters than ASCII's before the @, which few mail servers take")
    if len(local) > 64 or not _LOCAL.fullmatch(local):
        raise ValueError(f"{shown} is no address")
    if not name.isprintable():
        raise ValueError(f"{shown} has a name that cannot be printed")
    address = f"{local}@{_domain(domain, shown)}"
    if len(address) > _LONGEST:
        raise ValueError(f"{shown} is longer than {_LONGEST} characters")
    return Mailbox(name, address)


def _domain(domain: str, shown: str) -> str:
    if _LITERAL.fullmatch(domain):
        return domain
    try:
        ascii_domain = domain.lower().encode("idna").decode()
    except UnicodeError:
        ascii_domain = ""
    if not all(_LABEL.fullmatch(label) for label in ascii_domain.split(".")):
        raise ValueError(f"{shown} has no domain behind the @")
    return ascii_domain
