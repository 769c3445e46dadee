"""One mail to one server, with each recipient's own answer."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from actions._smtp_connection import Connection, Server
from actions._smtp_login import Login, log_in
from alerts.notification import SendError

# The server's own words for "not now, nor anything else", and for a mail that is too large: rfc1870.
_CLOSING = 421
_TOO_LARGE = 552


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail.

    Attributes:
        contents: as it is sent, in lines of ASCII that end in CRLF; smaller ones of the same mail follow the first.
    """

    sender: str
    recipients: Sequence[str]
    contents: Iterator[bytes]


class _TooLargeError(SendError):
    """The server takes no mail of that size; it may take a smaller one."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a mail.

    Attributes:
        said: the server's answer to the end of it.
        refused: those of the recipients who do not get it, and why.
        shortened: it was not the first of the letter's contents that was taken.
    """

    said: str
    refused: Mapping[str, str] = field(default_factory=dict)
    shortened: bool = False


def submit(server: Server, login: Login | None, letter: Letter, *, deadline: float, deadline_seconds: float) -> Taken:
    """Hand a mail over, to all recipients that the server takes.

    Args:
        deadline: of all of it, in monotonic seconds; looking the server's name up comes on top.
        deadline_seconds: how long that was from the beginning, for errors.

    Raises:
        SendError: nobody has it; or perhaps somebody has, and the answer to the end of it did not come.
    """
    connection = Connection(server, login.secrets if login else (), deadline)
    try:
        connection.open()
        if login:
            log_in(connection, login, server.where.host)
        taken = _fitted(connection, letter)
        connection.leave()
    except (SendError, smtplib.SMTPException, OSError, ValueError) as error:
        raise connection.explained(error, deadline_seconds) from None
    finally:
        connection.close()
    return taken


def _fitted(connection: Connection, letter: Letter) -> Taken:
    """Hand over the largest of its contents that the server takes; what is too large goes smaller at once."""
    refused: _TooLargeError | None = None
    for content in letter.contents:
        try:
            taken = _handed_over(connection, letter, content)
        except _TooLargeError as error:
            refused = error
            continue
        return replace(taken, shortened=refused is not None)
    raise refused or connection.error("there is nothing to send", permanent=True)


def _handed_over(connection: Connection, letter: Letter, content: bytes) -> Taken:
    """Hand it over; those whom the server puts off beside others are tried once more at once, by themselves.

    A server that takes so many recipients a mail puts the others off: each round is one more of so many. Whoever is
    still put off then is told of as refused: those who have it would get it again if all of it were tried again.
    """
    said, put_off, refused = _round(connection, letter, letter.recipients, content)
    if not said:
        raise _nobody(connection, put_off, refused)
    while put_off:
        waiting = list(put_off)
        try:
            said_again, put_off, more = _round(connection, letter, waiting, content)
        except (SendError, smtplib.SMTPException, OSError) as error:
            reason = str(error) if isinstance(error, SendError) else f"the connection broke at {connection.doing}"
            return Taken(said, {**refused, **dict.fromkeys(waiting, reason)})
        refused |= more
        if not said_again:
            break
    return Taken(said, {**refused, **put_off})


def _round(
    connection: Connection, letter: Letter, recipients: Sequence[str], content: bytes
) -> tuple[str, dict[str, str], dict[str, str]]:
    """One transaction.

    Returns:
        The answer to its end, "" where nobody was taken; who was put off, and who was refused, and why.
    """
    connection.doing = "MAIL FROM"
    options = [f"SIZE={len(content)}"] if connection.has_extn("size") else []
    _judge_size(connection, connection.mail(letter.sender, options))
    taken, put_off, refused = [], dict[str, str](), dict[str, str]()
    for each in recipients:
        connection.doing = f"recipient {each}"
        reply = connection.rcpt(each)
        if reply[0] // 100 == 2:
            taken.append(each)
        elif reply[0] // 100 in (4, 5) and reply[0] != _CLOSING:
            (put_off if reply[0] // 100 == 4 else refused)[each] = connection.said(reply)
        else:
            connection.judge(reply)
    if not taken:
        return "", put_off, refused
    connection.doing = "DATA"
    connection.judge(connection.docmd("DATA"), wanted=3)
    connection.doing = "the end of the mail"
    connection.send(_dotted(content))
    reply = connection.getreply()
    _judge_size(connection, reply)
    return connection.said(reply), put_off, refused


def _judge_size(connection: Connection, reply: tuple[int, bytes]) -> None:
    try:
        connection.judge(reply)
    except SendError as error:
        if reply[0] == _TOO_LARGE:
            raise _TooLargeError(str(error), permanent=True) from None
        raise


def _nobody(connection: Connection, put_off: Mapping[str, str], refused: Mapping[str, str]) -> SendError:
    several = {**put_off, **refused}
    first, said = next(iter(several.items()))
    others = f" (nor {len(several) - 1} others)" if len(several) > 1 else ""
    return connection.error(f"does not take recipient {first}{others}: {said}", permanent=not put_off)


def _dotted(content: bytes) -> bytes:
    """A mail as DATA wants it: a line's first dot is doubled, and a lone one ends it."""
    return (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
