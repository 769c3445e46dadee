"""A mail as HTML and as plain text, by the files of `templates/`, which a user may copy and change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from actions._mail import Mail
from alerts.severity import Severity

TEMPLATES = Path(__file__).with_name("templates")
# Of each its background, and what can be read on it: 4.5 to 1 or more.
_COLOURS: Mapping[Severity | None, tuple[str, str]] = {
    "critical": ("#c8102e", "#ffffff"),
    "error": ("#c2410c", "#ffffff"),
    "warning": ("#f2b824", "#212529"),
    "info": ("#2f66bd", "#ffffff"),
    None: ("#1b7a4b", "#ffffff"),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """One that goes along with a mail.

    Attributes:
        cid: how the HTML names it.
        png: itself.
    """

    cid: str
    alt: str
    png: bytes


class MailView:
    """A mail as templates name it: what it says, and what it looks like; made when it is first asked for.

    Args:
        said: gives what it says.
        errors: what failed of the user's templates by then.
        pictures: gives those that go along with it.
    """

    template_kind: ClassVar[str] = "mail"

    def __init__(
        self,
        said: Callable[[], Mail],
        errors: Sequence[str] = (),
        pictures: Callable[[], Sequence[Picture]] = tuple,
    ) -> None:
        self._say = said
        self._show = pictures
        self.errors = errors

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._said, name)

    @cached_property
    def _said(self) -> Mail:
        return self._say()

    @cached_property
    def pictures(self) -> Sequence[Picture]:
        """Those that it shows."""
        return self._show()

    def shown(self, html: str) -> Sequence[Picture]:
        """Those that HTML which was made of it names; none is asked for that was not."""
        return [each for each in self.__dict__.get("pictures", ()) if f"cid:{each.cid}" in html]

    @property
    def state(self) -> str:
        """How bad it is, in capitals, or RESOLVED."""
        return str(self.level or "resolved").upper()

    @property
    def colour(self) -> str:
        """That of how bad it is."""
        return _COLOURS[self.level][0]

    @property
    def ink(self) -> str:
        """What can be read on the colour."""
        return _COLOURS[self.level][1]

    @property
    def colours(self) -> Mapping[Severity | None, str]:
        """By how bad it is; of what is over, that of None."""
        return {level: background for level, (background, _) in _COLOURS.items()}

    @property
    def more_text(self) -> str:
        """How many more alerts there are than rows: "4,802"."""
        return f"{self.more:,}"


def html(mail: MailView) -> str:
    """The HTML, with everything that others wrote escaped."""
    return _environment().get_template("email.html.j2").render(mail=mail)


def text(mail: MailView) -> str:
    """The plain text."""
    return _environment().get_template("email.text.j2").render(mail=mail)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html.j2"], default=False),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
