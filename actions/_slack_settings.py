"""What a user may say of a Slack message, by Alertmanager's names.

Source: https://prometheus.io/docs/alerting/latest/configuration/#slack_config
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from config.base import Settings, TemplateText

_NO_APP = "needs an app that answers when it is pressed: give the button a url instead"


def _no_names(linked: bool) -> bool:
    if linked:
        raise ValueError(
            "would let every label that holds @channel or a name ping: write <!channel>, <!subteam^S...> or <@U...>"
            " in the template"
        )
    return linked


class Field(Settings):
    """One of `fields`.

    Attributes:
        short: beside another; else a line of its own. What `short_fields` says, unless set.
    """

    title: TemplateText
    value: TemplateText
    short: bool | None = None


class Button(Settings):
    """One of `actions`: a button that leads somewhere."""

    type: Literal["button"]
    text: TemplateText
    url: TemplateText
    style: TemplateText | None = None

    refused: ClassVar[Mapping[str, str]] = dict.fromkeys(("name", "value", "confirm"), _NO_APP)


class MessageSettings(Settings):
    """The parts of a message; what is left out is the service's own.

    Attributes:
        title: instead of the state, the name and the sentence at the top.
        message_text: instead of the whole top line; the title stands below it then.
        text: instead of the description, or of the list of alerts; readings and excerpts stay.
        fields: instead of cluster, namespace and the rest.
        footer: instead of the last line.
        actions: instead of the buttons.
        image_url: below the message, instead of ours; one that Slack cannot fetch is left out by Slack.
        mrkdwn_in: where of "text", "pretext" and "fields" marks of formatting count.
        username: as whom it is posted, if the webhook or the app may say so; `icon_emoji` and `icon_url` likewise.
    """

    channel: TemplateText | None = None
    username: TemplateText | None = None
    icon_emoji: TemplateText | None = None
    icon_url: TemplateText | None = None
    color: TemplateText | None = None
    title: TemplateText | None = None
    title_link: TemplateText | None = None
    pretext: TemplateText | None = None
    text: TemplateText | None = None
    message_text: TemplateText | None = None
    fields: tuple[Field, ...] = ()
    short_fields: bool = False
    footer: TemplateText | None = None
    fallback: TemplateText | None = None
    callback_id: TemplateText | None = None
    image_url: TemplateText | None = None
    thumb_url: TemplateText | None = None
    mrkdwn_in: tuple[str, ...] = ("text", "pretext", "fields")
    actions: tuple[Button, ...] = ()
    link_names: Annotated[bool, AfterValidator(_no_names)] = False
