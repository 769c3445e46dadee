"""The headers of a mail: ours, those of the user's, and what mail programs go by."""

from __future__ import annotations

from collections.abc import Mapping

from actions._letter import why_not
from actions._mail import Mail
from actions._texts import Texts
from templating import Template


def merged(texts: Texts, templates: Mapping[str, Template], own: Mapping[str, str], but: str) -> dict[str, str]:
    """One's own headers, and the user's, which stand in for them in any letter case, unless they hold nothing.

    Args:
        but: the user's that is left out.
    """
    canonical = {name.lower(): name for name in own}
    headers = dict(own)
    for name, template in templates.items():
        if name.lower() == but:
            continue
        value = texts.render(template, "", f"headers.{name}").strip()
        if value and (why := why_not(name, value)):
            texts.errors.append(f"headers.{name} {why}")
        elif value:
            headers[canonical.get(name.lower(), name)] = value
    return headers


def failures(texts: Texts) -> Mapping[str, str]:
    """What failed of the user's templates: a mail whose body is the user's has no other place for it."""
    return {"X-Alert-Manager-Template-Errors": "; ".join(texts.errors)} if texts.errors else {}


def subject_line(told: Mail) -> str:
    # What cannot be seen at an end of it may have left a space there, which no server keeps.
    return " — ".join(filter(None, (" ".join(filter(None, (told.title, told.about))), told.summary))).strip()


def marks(told: Mail) -> Mapping[str, str]:
    """What mail programs go by: nobody's out-of-office answers it (RFC 3834), and what is critical stands out."""
    always = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
    return {**always, "Importance": "high", "X-Priority": "1"} if told.level == "critical" else always
