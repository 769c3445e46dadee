"""What a user may say of a PagerDuty event, by Alertmanager's names.

Source: https://prometheus.io/docs/alerting/latest/configuration/#pagerduty_config
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator, ValidationInfo

from actions._base import cut, link
from actions._plain import plain
from actions._texts import Texts
from config.base import Settings, TemplateText, read_template
from templating import Template

_MAX_TEXT = 40_000
_MAX_LINK_TEXT = 255
_MAX_ALT = 500
_MOST_LINKS = 10
_MOST_IMAGES = 5
_FAILED = "\0"


def _details(value: object, info: ValidationInfo) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("should be a mapping")
    return {key: _templates(each, key, info) for key, each in value.items() if each is not None}


def _templates(value: object, place: str, info: ValidationInfo) -> Any:
    """A detail whose texts are templates, however deep they are in it."""
    if isinstance(value, dict):
        return {key: _templates(each, f"{place}.{key}", info) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_templates(each, f"{place}[{at}]", info) for at, each in enumerate(value) if each is not None]
    try:
        return read_template(str(value), info)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _sources(value: Any) -> Any:
    """The same as it was written."""
    if isinstance(value, dict):
        return {key: _sources(each) for key, each in value.items()}
    return [_sources(each) for each in value] if isinstance(value, list) else value.source


class LinkSettings(Settings):
    """One of `links`."""

    href: TemplateText
    text: TemplateText | None = None


class ImageSettings(Settings):
    """One of `images`; PagerDuty takes only those that are served by https."""

    src: TemplateText
    alt: TemplateText | None = None
    href: TemplateText | None = None


class EventSettings(Settings):
    """The parts of an event; what is left out, or comes to nothing, is the service's own.

    Attributes:
        description: the summary, which is read aloud.
        details: added to the service's own, or in their place; mappings and lists of templates, too.
        severity: instead of the alerts' own; any spelling of a severity.
        images: before the service's own, as are `links`.
    """

    client: TemplateText | None = None
    client_url: TemplateText | None = None
    description: TemplateText | None = None
    details: Annotated[Mapping[str, Any], PlainValidator(_details), PlainSerializer(_sources)] = Field(
        default_factory=dict
    )
    source: TemplateText | None = None
    severity: TemplateText | None = None
    class_: TemplateText | None = Field(default=None, alias="class")
    component: TemplateText | None = None
    group: TemplateText | None = None
    images: tuple[ImageSettings, ...] = ()
    links: tuple[LinkSettings, ...] = ()


def details(templates: Mapping[str, Any], texts: Texts) -> dict[str, Any]:
    """The user's details; those whose template failed are left out, for the service's own of that name."""
    made = {key: _filled(each, texts, f"details.{key}") for key, each in templates.items()}
    return {key: each for key, each in made.items() if each != _FAILED}


def links(settings: Sequence[LinkSettings], texts: Texts) -> list[dict[str, str]]:
    """Those that lead somewhere."""
    made = []
    for at, each in enumerate(settings):
        href = link(texts.render(each.href, "", f"links[{at}].href").strip())
        text = plain(texts.render(each.text, "", f"links[{at}].text"), _MAX_LINK_TEXT).strip()
        if href:
            made.append({"href": href, "text": text or cut(href, _MAX_LINK_TEXT)})
    return made[:_MOST_LINKS]


def images(settings: Sequence[ImageSettings], texts: Texts) -> list[dict[str, str]]:
    """Those that PagerDuty takes: it refuses the event for one that is not served by https.

    Of another one it is said that it is left out.
    """
    made = []
    for at, each in enumerate(settings):
        said = texts.render(each.src, "", f"images[{at}].src").strip()
        image = {
            "src": link(said),
            "href": link(texts.render(each.href, "", f"images[{at}].href").strip()),
            "alt": plain(texts.render(each.alt, "", f"images[{at}].alt"), _MAX_ALT).strip(),
        }
        if image["src"].startswith("https://"):
            made.append({key: value for key, value in image.items() if value})
        elif said:
            texts.errors.append(f"images[{at}].src: left out, for PagerDuty takes only an https:// URL")
    return made[:_MOST_IMAGES]


def _filled(value: Any, texts: Texts, key: str) -> Any:
    if isinstance(value, Template):
        return _parsed(texts.render(value, _FAILED, key))
    if isinstance(value, dict):
        made = {name: _filled(each, texts, f"{key}.{name}") for name, each in value.items()}
        return {name: each for name, each in made.items() if each != _FAILED}
    return [each for at, item in enumerate(value) if (each := _filled(item, texts, f"{key}[{at}]")) != _FAILED]


def _parsed(text: str) -> Any:
    """A text; a mapping or a list where it is one in JSON, as of Alertmanager's `toJson`."""
    if len(text) <= _MAX_TEXT and text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    return text if text == _FAILED else cut(text, _MAX_TEXT)
