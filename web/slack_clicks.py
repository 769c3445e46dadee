"""What comes of a click in Slack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from actions import slack_controls
from alerts.timeline import Acknowledgement
from outbox.database import StoreError
from pipeline import Changed, NotSilenced, Pipeline, Silencing
from web import slack_answers
from web.slack_answers import Document, Teller
from web.slack_request import Click

_NOT_OURS = "This button is of another version: use that of a newer message."
_DEFECT = "That failed, for no reason that was foreseen; the log has it."
_FAILING = "The storage is failing just now: {}. Try again."

_log = structlog.get_logger("slack")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a click that is to be kept.

    Attributes:
        kept: nothing is owed: it is on the disk, or there is nothing to be kept.
        said: what the person is to be told; "" where they will see it anyway.
        over: what was asked there need not be asked any more.
    """

    kept: bool
    said: str = ""
    over: bool = False


class Clicks:
    """Does what people click, and tells them what came of it. None of it raises."""

    def __init__(self, pipeline: Pipeline, teller: Teller) -> None:
        self._pipeline = pipeline
        self._teller = teller
        self._silencing = Silencing(pipeline)

    def acknowledge(self, click: Click) -> Outcome:
        """Keep that a group is taken over."""
        group_id = slack_controls.group_of(click.value)
        if group_id is None:
            return Outcome(True, _NOT_OURS)
        try:
            group_key = self._pipeline.store.group_key(group_id)
            if group_key is None or not self._pipeline.store.firing(group_key, 1):
                return Outcome(True, "Nothing of this group fires any more.")
            self._pipeline.acknowledge(group_key, Acknowledgement(click.by, self._pipeline.now(), "slack"))
        except StoreError as failing:
            _log.error("an acknowledgement is not kept: the storage is failing", error=str(failing))
            return Outcome(False, _FAILING.format("it is not acknowledged"))
        except Exception:
            _log.exception("a click failed")
            return Outcome(False, _DEFECT)
        _log.info("acknowledged", group_id=group_id, user_id=click.user_id)
        return Outcome(True)

    def decide(self, click: Click) -> Outcome:
        """Keep that something is to be done about an alert, or is not to be."""
        asked = slack_controls.asked_of(click.value)
        if asked is None or not click.user_id:
            return Outcome(True, _NOT_OURS)
        token, question = asked
        run = slack_controls.kind_of(click.action_id) == slack_controls.RUN
        said = self._pipeline.approve if run else self._pipeline.decline
        try:
            refused = said(token, click.user_id, click.by, "slack", question)
            found = self._pipeline.store.remediations.by_token(token) if refused else None
        except StoreError as failing:
            _log.error("a decision is not kept: the storage is failing", error=str(failing))
            return Outcome(False, _FAILING.format("that is not kept"))
        except Exception:
            _log.exception("a click failed")
            return Outcome(False, _DEFECT)
        waits = found is not None and found.waits_for_approval and found.question == question
        return Outcome(True, refused, over=not waits)

    def take_away(self, click: Click) -> None:
        """Have a message ask no more what is decided; where that fails the buttons say so to who clicks them."""
        without = slack_answers.decided(click.message, click.value)
        if without is not None:
            self._teller.tell(click.response_url, without)

    def propose(self, click: Click) -> None:
        """Ask whether what a silence would hide is to be silenced."""

        def asked(choice: slack_controls.Choice) -> Document:
            proposal = self._silencing.propose(choice.group_id, choice.duration)
            return slack_answers.asked(choice, proposal)

        self._answer(click, asked, instead=False)

    def silence(self, click: Click) -> None:
        """Silence what was confirmed."""

        def silenced(choice: slack_controls.Choice) -> Document:
            comment = f"Silenced from Slack by {click.by}" + (f" ({click.user_id})" if click.user_id else "")
            try:
                done = self._silencing.silence(choice.group_id, choice.duration, choice.shown, click.by, comment)
            except Changed as changed:
                return slack_answers.asked(choice, changed.proposal, again=True)
            _log.info("silenced", group_id=choice.group_id, user_id=click.user_id, silence_id=done.silence.id)
            return slack_answers.silenced(done)

        self._answer(click, silenced, instead=True)

    def cancel(self, click: Click) -> None:
        """Take the question away."""
        self._teller.tell(click.response_url, slack_answers.WITHDRAWN)

    def tell(self, click: Click, text: str) -> None:
        """Tell the person something, beside the message that they clicked."""
        self._teller.tell(click.response_url, slack_answers.said(text))

    def _answer(self, click: Click, answer: Callable[[slack_controls.Choice], Document], *, instead: bool) -> None:
        choice = slack_controls.choice_of(click.value)
        try:
            told = answer(choice) if choice else slack_answers.said(_NOT_OURS, instead=instead)
        except NotSilenced as refused:
            told = slack_answers.said(str(refused), instead=instead)
        except StoreError as failing:
            _log.error("nothing is silenced: the storage is failing", error=str(failing))
            told = slack_answers.said(_FAILING.format("nothing is silenced"), instead=instead)
        except Exception:
            _log.exception("a click failed")
            told = slack_answers.said(_DEFECT, instead=instead)
        self._teller.tell(click.response_url, told)
