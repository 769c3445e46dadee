"""What a process runs with: a configuration, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import enrich
from actions import Action, Remedy
from alertmanager import Alertmanager
from alerts.timeline import Control
from config.base import ActionSettings
from config.remediation import RemedySettings
from config.schema import ActionConfig, ConfigFile, Configuration
from outbound import Http
from outbox.lanes import Lane
from outbox.pacing import Pace
from outbox.records import Remediation
from pipeline.pictures import Pictures
from routing import Rules


@dataclass(frozen=True, slots=True)
class Sources:
    """What is looked up of an alert, and where.

    Attributes:
        enrichers: in the order in which their findings are shown.
        prometheuses: none when none is configured.
        given: what enrichers look at that do not ask Prometheus.
    """

    enrichers: Sequence[enrich.Enricher] = ()
    prometheuses: Sequence[enrich.Prometheus] = ()
    given: enrich.Given = field(default_factory=enrich.Given)

    @property
    def ask_somebody(self) -> bool:
        """Whether anybody else has work with it."""
        return bool(self.prometheuses) or self.given.kubernetes is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """What says how something is done about alerts: a destination, its action and its settings."""

    destination: str
    action: Remedy
    settings: RemedySettings

    @property
    def name(self) -> str:
        """As it is told and counted."""
        return self.settings.name or self.destination

    @property
    def verb(self) -> str:
        """What it does, in a word."""
        return self.settings.does


# Not compared by what is in it: whether two are the same is whether anything was loaded in between.
@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Running:
    """A configuration and what is made of it; a reload puts another in its place, and changes none.

    What is in hand keeps the one that it was begun with. What one of them has alone ends with it.

    Attributes:
        actions: by destination, "receiver/kind/index".
        alertmanager: whom silences are asked of; None when none is configured.
        heartbeat: connections to the switch outside; None when none is configured.
        rules: who hears of what.
        lanes: how each destination is asked for work.
        illustrated: the destinations that show pictures.
        timelines: those that are told what happens to a group, beside its state.
        ruled: those at which something is done about alerts.
        own_namespace: the one that this service runs in, where it runs in one: nothing is done there.
    """

    configuration: Configuration
    actions: Mapping[str, Action]
    sources: Sources = field(default_factory=Sources)
    pictures: Pictures = field(default_factory=Pictures)
    alertmanager: Alertmanager | None = None
    own_namespace: str = ""
    heartbeat: Http | None = None
    rules: Rules = field(init=False)
    lanes: Mapping[str, Lane] = field(init=False)
    illustrated: frozenset[str] = field(init=False)
    timelines: frozenset[str] = field(init=False)
    ruled: Mapping[str, Rule] = field(init=False)

    def __post_init__(self) -> None:
        known = {name: each.settings for name, each in destinations(self.configuration) if name in self.actions}
        lanes = {name: _lane(name, settings, self.configuration.file) for name, settings in known.items()}
        object.__setattr__(self, "rules", Rules.of(self.configuration.file))
        object.__setattr__(self, "lanes", lanes)
        object.__setattr__(self, "illustrated", frozenset(name for name in known if known[name].shows_images))
        object.__setattr__(self, "timelines", frozenset(name for name in known if known[name].timeline))
        object.__setattr__(self, "ruled", dict(_ruled(known, self.actions)))

    def rule(self, destination: str) -> Rule | None:
        """What is done at a destination about alerts; None where it tells somebody, or is not known."""
        return self.ruled.get(destination)

    def rule_of(self, remediation: Remediation) -> Rule | None:
        """The rule by which something was taken up; None where its place is another's by now.

        A rule that is put in before others moves them; what was begun by one is none of another's.
        """
        found = self.rule(remediation.destination)
        same = found is not None and (found.name, found.verb) == (remediation.rule, remediation.verb)
        return found if same else None

    @property
    def controls(self) -> tuple[Control, ...]:
        """What a person may do about a group where it is told."""
        web = self.configuration.file.web
        if web.slack_signing_secret is None and web.slack_signing_secret_file is None:
            return ()
        return ("acknowledge", "silence") if self.alertmanager is not None else ("acknowledge",)


Current = Callable[[], Running]
"""What runs now; whoever works in turns asks once a turn."""


def destinations(configuration: Configuration) -> Iterator[tuple[str, ActionConfig]]:
    """Each receiver's actions, with what the database calls them."""
    for receiver in configuration.receivers:
        for action in receiver.actions:
            yield f"{receiver.name}/{action.kind}/{action.index}", action


def _ruled(known: Mapping[str, ActionSettings], actions: Mapping[str, Action]) -> Iterator[tuple[str, Rule]]:
    for name, settings in known.items():
        action = actions[name]
        if isinstance(settings, RemedySettings) and isinstance(action, Remedy):
            yield name, Rule(name, action, settings)


def _lane(destination: str, settings: ActionSettings, file: ConfigFile) -> Lane:
    return Lane(
        destination,
        limit=0,
        pace=None if settings.pace is None else Pace(settings.pace.rate, settings.pace.burst),
        digest_after_seconds=file.delivery.digest_after if settings.in_digests else None,
        wakes=settings.wakes,
        timeline=settings.timeline,
        external_url=file.external_url or "",
    )
