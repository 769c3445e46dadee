"""The configuration's shape. Names, defaults and meanings are Alertmanager's wherever it has them.

Source: https://prometheus.io/docs/alerting/latest/configuration/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, field_validator, model_validator

from alerts.choosing import Choices
from alerts.matchers import Matcher
from config.access import AuthSettings
from config.base import (
    ActionSettings,
    DurationSeconds,
    Expressions,
    HttpUrl,
    MatcherList,
    SecretText,
    Settings,
    SizeBytes,
    all_matchers,
    at_least,
    at_most,
    require_at_most_one,
)
from config.globals import GlobalSettings
from config.http import HeadedSettings
from config.inhibition import InhibitRule
from config.intervals import NamedInterval
from config.kubernetes import KubernetesSettings
from config.remediation import RemediationSettings
from config.watching import HeartbeatSettings, WatchdogSettings

_FALLBACK_AFTER_SECONDS = 120.0
_FLAP_HOLD_SECONDS = 0.0
_LONGEST_SHOWN = 80


def _not_to_be_guessed(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < 32:
        raise ValueError("should have 32 characters or more, as of openssl rand -hex 32")
    return key


class Route(Settings):
    """A node of the routing tree; what is not set is the parent's, but for its intervals of time, which are its own.

    Attributes:
        mute_time_intervals: names of those within which it tells nobody.
        active_time_intervals: and of those outside of which it does not, if there are any.
    """

    receiver: str | None = None
    matchers: MatcherList = ()
    match: dict[str, str] = Field(default_factory=dict)
    match_re: Expressions = Field(default_factory=dict)
    continue_: bool = Field(default=False, alias="continue")
    routes: tuple[Route, ...] = ()
    group_by: tuple[str, ...] | None = None
    group_wait: DurationSeconds | None = None
    group_interval: DurationSeconds | None = None
    repeat_interval: DurationSeconds | None = None
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()

    refused: ClassVar[Mapping[str, str]] = {
        "labels": "is not carried into messages here: have the rule set the label, or say it in the receiver's texts"
    }

    _conditions: tuple[Matcher, ...] = PrivateAttr(default=())
    _choices: Choices = PrivateAttr(default=Choices(()))

    @field_validator("group_by", mode="after")
    @classmethod
    def _groups(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if labels and len(set(labels)) < len(labels):
            raise ValueError("names a label twice")
        if labels and "..." in labels and len(labels) > 1:
            raise ValueError("should be '...' alone, for all labels, or labels without it")
        if labels and "" in labels:
            raise ValueError("holds an empty label name")
        return labels

    @model_validator(mode="after")
    def _compile(self) -> Self:
        self._conditions = all_matchers(self.match, self.match_re, self.matchers)
        self._choices = Choices([child.conditions for child in self.routes])
        return self

    @property
    def conditions(self) -> tuple[Matcher, ...]:
        """`match`, `match_re` and `matchers` together."""
        return self._conditions

    def matching(self, labels: Mapping[str, str]) -> Iterator[Route]:
        """Those of its children whose conditions a label set meets, in their order."""
        return (self.routes[at] for at in self._choices.meeting(labels))


class PrometheusSettings(HeadedSettings):
    """Where readings come from: the base URL, a path prefix included; and which alerts it knows about."""

    url: HttpUrl
    name: str = ""
    matchers: MatcherList = ()


def _without_user(url: str) -> str:
    if "@" in urlsplit(url).netloc:
        raise ValueError("has a user in it, and people are shown this URL: basic_auth does that")
    return url


class AlertmanagerSettings(HeadedSettings):
    """Which Alertmanager is asked for silences: the base URL, a path prefix included, as people open it, too."""

    url: Annotated[HttpUrl, AfterValidator(_without_user)]


def _reading_name(name: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,59}", name):
        raise ValueError("should be small letters, digits and _, and begin with no digit, as in checkout_errors")
    return name


def _shown(text: str) -> str:
    if len(text) > _LONGEST_SHOWN or not text.isprintable():
        raise ValueError(f"should be at most {_LONGEST_SHOWN} characters that can be printed")
    return text


class QuerySettings(Settings):
    """A reading that is a query of the user's own.

    Attributes:
        name: how conditions call it.
        title: how people call it; its name, unless set.
        promql: PromQL, with `{{ labels.pod }}` in its matchers' values.
        unit: "cores", "bytes", "seconds", "share" or a word of its own.
        matchers: which alerts it is asked about.
        range: within so long before, the message says between which values it was; None says nothing of that.
    """

    name: Annotated[str, AfterValidator(_reading_name)]
    title: Annotated[str, AfterValidator(_shown)] = ""
    promql: str
    unit: Annotated[str, AfterValidator(_shown)] = ""
    matchers: MatcherList = ()
    range: Annotated[DurationSeconds, at_least(1, "within less there is but one value")] | None = None


class EnrichmentSettings(Settings):
    """What is looked up of an alert.

    Attributes:
        timeout: how long it may take in all.
        cache: how long an answer is good.
        again_after: how long after a timeline began it is looked up once more; 0 for never.
        enrichers: which run, and in what order they are shown; all that have what they need, unless named.
        queries: those of the user's own, which run in any case, behind the others unless named among them.
        kubernetes: what some need; not asked unless it is said.
    """

    timeout: DurationSeconds = 2.0
    cache: Annotated[DurationSeconds, at_most(60, "values are to be those of the time when the alert came")] = 15.0
    again_after: Annotated[DurationSeconds, at_most(3_600, "it tells how what was paged for has gone on")] = 600.0
    enrichers: tuple[str, ...] | None = None
    queries: tuple[QuerySettings, ...] = ()
    kubernetes: KubernetesSettings | None = None

    def running(self, known: Mapping[str, str]) -> tuple[str, ...]:
        """The enrichers and queries that run, in the order in which they are shown.

        Args:
            known: every enricher's name, and which of the settings here it needs, "" for none.
        """
        named = self.enrichers
        if named is None:
            named = tuple(name for name, need in known.items() if not need or getattr(self, need) is not None)
        return (*named, *(each.name for each in self.queries if each.name not in named))


class DeliverySettings(Settings):
    """How notifications reach their destinations.

    Attributes:
        retry_for: how long a delivery is tried.
        lease: for how long a process may hold one.
        dedup_window: within it the same state of a group, come again, is told once; 0 tells it each time.
        digest_after: when what waits for a chat would take longer than this at its pace, it is told in a digest.
        stale_after: an alert not heard of for so long is taken as over.
    """

    retry_for: DurationSeconds = 86_400.0
    lease: Annotated[DurationSeconds, at_least(5, "a request and its bookkeeping must fit in it")] = 30.0
    dedup_window: DurationSeconds = 60.0
    digest_after: Annotated[DurationSeconds, at_least(1, "one as long as 1y makes no digests")] = 30.0
    stale_after: Annotated[DurationSeconds, at_least(60, "what is not heard of for so long is taken as over")] = (
        6 * 3_600.0
    )


class WebSettings(Settings):
    """The HTTP side.

    Attributes:
        charts_key: what URLs of pictures are signed with; one is made beside SQLite's file where none is set.
        slack_signing_secret: what Slack signs with what it tells of a click; without one no button works.
        pagerduty_webhook_secret: what PagerDuty signs its webhooks with; none is taken where it is not set.
        auth: who may tell of alerts, look, and change something.
    """

    max_body: SizeBytes = 16 * 1024 * 1024
    charts_key: Annotated[SecretStr, AfterValidator(_not_to_be_guessed)] | None = None
    charts_key_file: Path | None = None
    slack_signing_secret: SecretText | None = None
    slack_signing_secret_file: Path | None = None
    pagerduty_webhook_secret: SecretText | None = None
    pagerduty_webhook_secret_file: Path | None = None
    auth: AuthSettings = Field(default_factory=AuthSettings)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        require_at_most_one(self, "charts_key", "charts_key_file")
        require_at_most_one(self, "slack_signing_secret", "slack_signing_secret_file")
        require_at_most_one(self, "pagerduty_webhook_secret", "pagerduty_webhook_secret_file")
        return self


class StorageSettings(Settings):
    """Where events and deliveries are kept (the file `data/alert-manager.db` of this folder unless set), how long."""

    url: SecretStr | None = None
    retention: Annotated[
        DurationSeconds,
        at_least(3_600, "whoever is paged wants to see what was told and why"),
    ] = 30 * 86_400.0


class RoutingSettings(Settings):
    """What says who hears of what.

    Attributes:
        mute_time_intervals: what `time_intervals` was called before, and is the same.
    """

    route: Route
    inhibit_rules: tuple[InhibitRule, ...] = ()
    time_intervals: tuple[NamedInterval, ...] = ()
    mute_time_intervals: tuple[NamedInterval, ...] = ()


class ConfigFile(RoutingSettings):
    """The whole file but its receivers, whose shape the actions know.

    Attributes:
        watchdogs: alerts that are expected to come again and again.
        heartbeat: who outside is told that all is well.
        templates: paths and globs of files with templates that texts may call, from the file's own folder.
    """

    global_: GlobalSettings = Field(default_factory=GlobalSettings, alias="global")
    prometheus: PrometheusSettings | None = None
    alertmanager: AlertmanagerSettings | None = None
    external_url: HttpUrl | None = None
    enrichment: EnrichmentSettings = Field(default_factory=EnrichmentSettings)
    delivery: DeliverySettings = Field(default_factory=DeliverySettings)
    remediation: RemediationSettings = Field(default_factory=RemediationSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    watchdogs: tuple[WatchdogSettings, ...] = ()
    heartbeat: HeartbeatSettings | None = None
    templates: tuple[str, ...] = ()

    refused: ClassVar[Mapping[str, str]] = {
        "event_recorder": "is about Alertmanager's own events: leave it out; what came here and became of it is on"
        " the page and at /api/v1/events/<id>",
        "tracing": "is about Alertmanager's own traces: leave it out",
    }

    @cached_property
    def intervals(self) -> Mapping[str, NamedInterval]:
        """The intervals of time, by their names."""
        return {each.name: each for each in (*self.mute_time_intervals, *self.time_intervals)}


class ReceiverSettings(Settings):
    """What a receiver is beside its name and its actions; see `Receiver`.

    Attributes:
        labels: taken, for Alertmanager has them; receivers are not looked for by them here.
    """

    labels: dict[str, str] = Field(default_factory=dict)

    fallback: str | None = None
    fallback_after: DurationSeconds = _FALLBACK_AFTER_SECONDS
    flap_hold: Annotated[DurationSeconds, at_most(3_600, "for so long nobody hears that it is over")] = (
        _FLAP_HOLD_SECONDS
    )

    ineffective: ClassVar[Mapping[str, str]] = {"labels": "has no effect: receivers are not looked for by labels here"}


@dataclass(frozen=True, slots=True)
class ActionConfig:
    """One of a receiver's actions: `index` counts those of its kind."""

    kind: str
    index: int
    settings: ActionSettings


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told; with no action, nobody is.

    Attributes:
        fallback: the receiver that is told instead when a delivery here is dead or its destination fails.
        fallback_after_seconds: how long a destination may fail before.
        flap_hold_seconds: how long the end of a group is held until it has been quiet; 0 tells it at once.
    """

    name: str
    actions: tuple[ActionConfig, ...]
    fallback: str | None = None
    fallback_after_seconds: float = _FALLBACK_AFTER_SECONDS
    flap_hold_seconds: float = _FLAP_HOLD_SECONDS


@dataclass(frozen=True, slots=True)
class Configuration:
    """All settings, checked.

    Attributes:
        name: the file's, as it was given.
        prometheuses: each alert's is the first whose matchers fit.
        routing: what it says of who hears of what, as JSON that `RoutingSettings` reads.
        warnings: what is accepted and may not be what was meant.
        files: what it was read from: where one of these changes it is to be loaded anew.
        texts: the files that take the place of a default text, and of how many actions each does.
    """

    name: str
    file: ConfigFile
    receivers: tuple[Receiver, ...]
    prometheuses: tuple[PrometheusSettings, ...] = ()
    routing: str = ""
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    texts: Mapping[str, int] = field(default_factory=dict)

    @property
    def watched(self) -> tuple[Path, ...]:
        """The same, and the files of templates that there are by now."""
        folder = Path(self.name).parent
        named = (file for pattern in self.file.templates for file in template_files(folder, pattern))
        return (*self.files, *dict.fromkeys(named))

    @property
    def digest(self) -> str:
        """What tells one configuration from another; secrets are no part of it."""
        shown = repr((self.file, self.receivers, self.prometheuses))
        return hashlib.sha256(shown.encode(errors="replace")).hexdigest()[:12]

    @property
    def routing_id(self) -> str:
        """16 hex digits of it."""
        return hashlib.sha256(self.routing.encode()).hexdigest()[:16]

    def receiver(self, name: str) -> Receiver | None:
        """The receiver of that name."""
        return next((receiver for receiver in self.receivers if receiver.name == name), None)


def template_files(folder: Path, pattern: str) -> list[Path]:
    """The files of a path or a glob, sorted.

    Args:
        folder: where relative ones begin.
    """
    whole = Path(pattern)
    if whole.is_absolute():
        folder, whole = Path(whole.anchor), whole.relative_to(whole.anchor)
    # As in Go, `**` is no more than `*`; what cannot be a glob, such as "", finds nothing.
    plain = str(whole).replace("**", "*")
    return sorted(path for path in folder.glob(plain) if path.is_file()) if plain != "." else []
