"""What is said of a template that cannot be read or rendered."""

from __future__ import annotations


class TemplateError(ValueError):
    """A template that cannot be read or rendered; the message says where and what to write instead.

    Args:
        message: what is wrong, in words of ours.
        line: from 1; 0 where it is not known.
        column: from 1; 0 where it is not known.
        name: of the template among those that others call, "" for a text by itself.

    Attributes:
        reason: the message without its place.
    """

    def __init__(self, message: str, line: int = 0, column: int = 0, name: str = "") -> None:
        place = f"line {line}" + (f", column {column}" if column else "") if line else ""
        super().__init__(": ".join(filter(None, (f"in {name!r}" if name else "", place, message))))
        self.reason = message
        self.line = line
        self.column = column
        self.name = name
