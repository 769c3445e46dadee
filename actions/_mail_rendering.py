"""A mail as HTML and as plain text, by the files of `templates/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from actions._mail import Mail
from alerts.severity import Severity

_TEMPLATES = Path(__file__).with_name("templates")
# Of each its background, and what can be read on it: 4.5 to 1 or more.
_COLOURS: Mapping[Severity | None, tuple[str, str]] = {
    "critical": ("#c8102e", "#ffffff"),
    "error": ("#c2410c", "#ffffff"),
    "warning": ("#f2b824", "#212529"),
    "info": ("#2f66bd", "#ffffff"),
    None: ("#1b7a4b", "#ffffff"),
}
_NEARLY_FULL, _RATHER_FULL = 0.9, 0.75


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


def html(mail: Mail, errors: Sequence[str] = (), pictures: Sequence[Picture] = ()) -> str:
    """The HTML, with everything that others wrote escaped.

    Args:
        errors: what failed of the user's templates.
    """
    colour, ink = _COLOURS[mail.level]
    return (
        _environment()
        .get_template("email.html.j2")
        .render(
            mail=mail,
            errors=errors,
            pictures=pictures,
            state=(mail.level or "resolved").upper(),
            colour=colour,
            ink=ink,
            colours={level: background for level, (background, _) in _COLOURS.items()},
            bar=_bar,
        )
    )


def text(mail: Mail, errors: Sequence[str] = ()) -> str:
    """The plain text."""
    return _environment().get_template("email.txt.j2").render(mail=mail, errors=errors)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(["html.j2"], default=False),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )


def _bar(share: float) -> str:
    level: Severity = "critical" if share >= _NEARLY_FULL else "warning" if share >= _RATHER_FULL else "info"
    return _COLOURS[level][0]
