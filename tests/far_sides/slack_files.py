"""Slack's upload of a file in three steps: a ticket, the bytes, and where the file is to be seen.

Source: https://docs.slack.dev/reference/methods/files.getUploadURLExternal and .../files.completeUploadExternal
"""

from dataclasses import dataclass, replace
from email.parser import BytesParser
from typing import Any

from tests.far_sides.http_server import Request
from tests.far_sides.slack_channel import File
from tests.far_sides.slack_message import Refused

LONGEST_ALT_TEXT = 1_000
PATH = "/upload/v1/"


@dataclass(frozen=True, slots=True)
class _Ticket:
    """What was said of a file before its bytes came."""

    length: int
    file: File
    uploaded: bool = False
    completed: bool = False


class Uploads:
    """The files on their way, and those that have arrived: `files`, by their id."""

    def __init__(self) -> None:
        """Starts with none."""
        self.files: dict[str, File] = {}
        self._tickets: dict[str, _Ticket] = {}

    def ticket(self, arguments: dict[str, Any]) -> tuple[str, str]:
        """Returns the id and the path for the bytes of a file that is to come."""
        length, name = arguments.get("length"), arguments.get("filename")
        if not length or not name or not isinstance(name, str) or str(length) == "0":
            raise Refused("missing_argument", "needs a length above 0 and a filename")
        if isinstance(length, bool) or not str(length).isdigit():
            raise Refused("invalid_arguments", f"length is not a number: {length}")
        alt_text = str(arguments.get("alt_txt", ""))
        if len(alt_text) > LONGEST_ALT_TEXT:
            raise Refused("alt_txt_too_large", f"{len(alt_text)} characters, at most {LONGEST_ALT_TEXT}")
        file_id = f"F0FARSIDE{len(self._tickets) + 1}"
        self._tickets[file_id] = _Ticket(int(length), File(file_id, name, b"", alt_text=alt_text))
        return file_id, f"{PATH}{file_id}-not-a-real-ticket"

    def take(self, request: Request) -> None:
        """Takes the bytes, raw or as a form; Refused where they are not as many as was said."""
        file_id = request.path.removeprefix(PATH).split("-")[0]
        ticket = self._tickets.get(file_id)
        if request.method != "POST" or ticket is None or ticket.completed:
            raise Refused("no_ticket", f"{request.method} {request.path}")
        content = _content(request)
        if len(content) != ticket.length:
            raise Refused("wrong_length", f"{len(content)} bytes where {ticket.length} were announced")
        file = replace(ticket.file, content=content)
        self._tickets[file_id] = replace(ticket, file=file, uploaded=True)

    def complete(self, wanted: object) -> tuple[File, ...]:
        """Returns the files that are whole now and may be shown; each can be completed once."""
        if not isinstance(wanted, list) or not wanted or not all(isinstance(one, dict) for one in wanted):
            raise Refused("invalid_arguments", "files is not a list of at least one object")
        tickets = {str(one.get("id")): self._tickets.get(str(one.get("id"))) for one in wanted}
        for file_id, ticket in tickets.items():
            if ticket is None or not ticket.uploaded or ticket.completed:
                raise Refused("file_not_found", f"{file_id} is unknown, has no bytes yet, or was completed before")
        done = []
        for one in wanted:
            ticket = self._tickets[one["id"]]
            self._tickets[one["id"]] = replace(ticket, completed=True)
            done.append(replace(ticket.file, title=str(one.get("title") or ticket.file.name)))
        self.files |= {file.file_id: file for file in done}
        return tuple(done)


def _content(request: Request) -> bytes:
    """The bytes themselves, or those of a form's first part with a file's name."""
    kind = request.headers.get("Content-Type", "")
    if not kind.startswith("multipart/form-data"):
        return request.body
    form = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.body)
    for part in form.walk():
        if part.get_filename():
            payload = part.get_payload(decode=True)
            return payload if isinstance(payload, bytes) else b""
    raise Refused("no_file", "the form has no part with a filename")
