"""The keys of `email_configs` that are more than text: addresses, names of headers, HTML."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from actions._addresses import mailboxes
from config.base import TemplateHtml, TemplateText
from templating import Template

_OURS = {
    "bcc": "would tell everybody; name the address in `to`, and in headers `To` what is to be seen",
    "mime-version": "is set by itself",
    "date": "is set by itself",
    "content-": "is set by itself",
    "resent-": "is for mails that are handed on",
    "orig-date": "is for mails that are handed on",
}


def is_template(text: str) -> bool:
    """Whether anything in a text is to be put in when it is sent."""
    return bool(re.search(r"\{[{%#]", text))


def _addresses(template: Template) -> Template:
    """What is no template can be looked at before anything is sent."""
    if not is_template(template.source):
        mailboxes(template.source)
    return template


def _one_address(template: Template) -> Template:
    if not is_template(template.source) and len(mailboxes(template.source)) > 1:
        raise ValueError("should be one address")
    return _addresses(template)


def _header_name(name: str) -> str:
    if not re.fullmatch(r"[!-9;-~]{1,76}", name):
        raise ValueError("is no name of a header")
    for ours, why in _OURS.items():
        if name.lower() == ours or (ours.endswith("-") and name.lower().startswith(ours)):
            raise ValueError(why)
    return name


Addresses = Annotated[TemplateText, AfterValidator(_addresses)]
Address = Annotated[TemplateText, AfterValidator(_one_address)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HtmlText = TemplateHtml
