"""What a person who clicked in Slack is told of it, for their eyes only.

Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from actions import link, mrkdwn, slack_controls
from alerts.matchers import Matcher
from alerts.silence import IN_WORDS
from outbound import Http, OutboundError
from pipeline import Proposal, Silenced

Document = dict[str, Any]

WITHDRAWN: Document = {"delete_original": True}
"""What was shown is to go; beside this nothing may be said: https://github.com/slack-edge/slack-web-api-client/issues/23"""

_TELL_SECONDS = 5.0
_MOST_TEXT = 2_000
_MOST_SHOWN = 2_800
_MOST_NAME = 100

_log = structlog.get_logger("slack")


class Teller:
    """Posts to where Slack takes answers, and nowhere else.

    Args:
        http: the connections to use.
        hooks: what a URL has to begin with.
    """

    def __init__(self, http: Http, hooks: Sequence[str]) -> None:
        self._http = http
        self._hooks = tuple(hooks)

    def tell(self, response_url: str, document: Document) -> None:
        """Tell a person; what fails is logged, for there is no other way to them."""
        if not response_url.startswith(self._hooks):
            _log.warning("nobody is told what came of a click: its response_url is none of Slack's")
            return
        body = json.dumps(document).encode()
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._http.post(response_url, data=body, headers=headers, deadline_seconds=_TELL_SECONDS)
        except OutboundError as error:
            _log.warning("nobody is told what came of a click", error=str(error))
            return
        if answer.status != 200:
            _log.warning("nobody is told what came of a click", status=answer.status)


def said(text: str, *, instead: bool = False) -> Document:
    """A sentence, plain.

    Args:
        instead: of the message that was clicked; it has to be one of ours that nobody else sees.
    """
    return _message(mrkdwn.escaped(text, _MOST_TEXT), instead=instead)


def decided(message: Mapping[str, Any], token: str) -> Document | None:
    """A message without the buttons of what was decided; None where there is none that has them.

    Args:
        message: as Slack told of it with a click.
    """
    blocks, text = message.get("blocks"), message.get("text")
    if not isinstance(blocks, list) or not isinstance(text, str) or not text:
        return None
    kept = [each for each in blocks if not _asks(each, token)]
    if len(kept) == len(blocks) or not kept:
        return None
    return {"replace_original": True, "text": text, "blocks": kept}


def _asks(block: object, token: str) -> bool:
    elements = block.get("elements") if isinstance(block, dict) and block.get("type") == "actions" else None
    return isinstance(elements, list) and any(
        isinstance(each, dict) and each.get("value") == token for each in elements
    )


def asked(choice: slack_controls.Choice, proposal: Proposal, *, again: bool = False) -> Document:
    """Whether it is to be silenced: until when, what, and how much that hides.

    Args:
        again: it was confirmed, and is not what it was.
    """
    lines = [mrkdwn.escaped(str(each).replace("```", "'" * 3), _MOST_SHOWN) for each in _matchers(proposal)]
    shown = "\n".join(lines)
    if len(shown) > _MOST_SHOWN:
        return said(
            "The labels that its alerts share are too many to be shown here, and nothing is silenced unseen: "
            "silence it in Alertmanager.",
            instead=again,
        )
    changed = "What fires has changed meanwhile. " if again else ""
    question = f"{changed}Silence {IN_WORDS[choice.duration]}, until {_moment(proposal.until)}, what has"
    return _message(
        f"{question} all of these labels?",
        mrkdwn.section(f"```\n{shown}\n```"),
        mrkdwn.section(mrkdwn.escaped(_hides(proposal), _MOST_TEXT)),
        {"type": "actions", "elements": slack_controls.confirmation(choice, proposal.shown)},
        instead=again,
    )


def silenced(done: Silenced) -> Document:
    """Until when it is silenced, and where that is seen."""
    until = _moment(done.silence.ends_at)
    if done.anew:
        text = f"Silenced until {until}"
    else:
        text = f"It was silenced already, by {mrkdwn.escaped(done.silence.created_by, _MOST_NAME)}, until {until}"
    url = link(done.url)
    text += f": <{mrkdwn.escaped(url, 2 * len(url) + 8).replace('|', '%7C')}|see it in Alertmanager>." if url else "."
    if not done.kept:
        text += " That could not be kept here, so nobody else hears of it."
    return _message(text, instead=True)


def _message(text: str, *blocks: dict[str, Any], instead: bool) -> Document:
    document: Document = {"response_type": "ephemeral", "replace_original": instead, "text": text}
    return document | ({"blocks": [mrkdwn.section(text), *blocks]} if blocks else {})


def _matchers(proposal: Proposal) -> list[Matcher]:
    return [Matcher(name, "=", value) for name, value in sorted(proposal.labels.items())]


def _hides(proposal: Proposal) -> str:
    if proposal.hidden is None:
        return f"How many alerts that hides now is not known: {proposal.unknown}."
    if not proposal.hidden:
        return "Alertmanager knows of none that fires with these labels: it would hide nothing now."
    hides = "1 alert that fires" if proposal.hidden == 1 else f"{proposal.hidden:,} alerts that fire"
    return (
        f"It hides {hides} now, {proposal.others:,} of them not of this group."
        if proposal.others
        else (f"It hides {hides} now.")
    )


def _moment(at: datetime) -> str:
    """A time as each person's own clock shows it.

    Source: https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}}, {{time}}|{at:%Y-%m-%d %H:%M %Z}>"
