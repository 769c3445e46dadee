"""The day as a document that people read: what happened, what the channel looked like then, and what PagerDuty had."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.day.script import Step
from tests.day.world import BEGAN, World

_YEAR_TOLD = "2026"
_HEAD = """\
# A day, as Slack and PagerDuty show it

This is what people saw of a day that `tests/day/script.py` tells: the real service lived through it, with a Slack and a
PagerDuty on loopback that behave as theirs are documented. A test holds what it tells them against this page, and
`make example` writes the page anew.

Each step says what happens in the world, which phones buzz, what the channel looks like then, and what PagerDuty's log
says. A message's thread stands below it, behind `>`; `|` is its coloured bar; what leads somewhere has `(link)` behind
it. Messages and incidents that are as they were after the step before are left out.
"""


@dataclass(slots=True)
class Document:
    """Grows with each step.

    Attributes:
        buzzed: by step, what made phones buzz: kinds of messages in Slack, and "incident".
    """

    buzzed: dict[str, list[str]] = field(default_factory=dict)
    _text: list[str] = field(default_factory=lambda: [_HEAD])
    _before: dict[str, list[str]] = field(default_factory=dict)
    _notified: int = 0
    _opened: int = 0

    def add(self, step: Step, world: World) -> None:
        """Writes down how all looks after a step."""
        kinds = [each.kind for each in world.slack.notifications[self._notified :]]
        incidents = len(world.pagerduty.opened) - self._opened
        self._notified += len(kinds)
        self._opened += incidents
        self.buzzed[step.name] = [*kinds, *["incident"] * incidents]
        phones = [f"Slack ({each})" for each in kinds] + ["PagerDuty (incident)"] * incidents
        self._text += [
            f"\n## {step.at} {step.title}\n\n{step.said}\n\nPhones that buzz: {', '.join(phones) or 'none'}.\n",
            *self._shown(f"`{step.channel}`", r"^(?=\[\d+\] )", world.slack.transcript(step.channel)),
            *self._shown("PagerDuty", r"^(?=\S)", world.pagerduty.log()),
        ]

    @property
    def text(self) -> str:
        """All of it, in a year that people read without wondering."""
        return "".join(self._text).replace(str(BEGAN.year), _YEAR_TOLD)

    def _shown(self, name: str, divides: str, text: str) -> Iterator[str]:
        """What has changed of what is seen in one place."""
        before = self._before.get(name, [])
        self._before[name] = now = [each.strip("\n") for each in re.split(divides, text, flags=re.MULTILINE)]
        changed = [each for at, each in enumerate(now) if each and before[at : at + 1] != [each]]
        told = "\n\n".join(each for each in changed if not each.startswith("#"))
        yield f"\n{name}:\n\n```text\n{told}\n```\n" if told else f"\n{name}: as it was.\n"
