"""What says how, and within which bounds, something is done about an alert."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from alerts.remediation import Approval, Target
from config.base import ActionSettings, DurationSeconds, Settings, at_least, at_most
from config.kubernetes import KubernetesSettings

ALWAYS_DENIED = ("kube-system",)
"""Namespaces in which nothing is ever done, whatever is configured; this service's own is another."""

_SLACK_USER = re.compile(r"[UW][A-Z0-9]{4,20}")
_PATTERN = re.compile(r"[^\s/\[\]]{1,253}")


def _globs(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for each in patterns:
        if not _PATTERN.fullmatch(each):
            raise ValueError("should be names, in which * and ? stand for any characters or one")
    return patterns


Globs = Annotated[tuple[str, ...], AfterValidator(_globs)]


class RemediationSettings(Settings):
    """What holds for all that is done about alerts.

    Attributes:
        enabled: false is the stop for all of it, beside the switch that the database holds.
        max_per_hour: how much may be done in all.
        denied_namespaces: where nothing is done, beside `kube-system` and this service's own.
        kubernetes: whose API is asked and told; the one of the cluster that this runs in, unless set.
    """

    enabled: bool = True
    max_per_hour: Annotated[int, Field(ge=0, le=1_000)] = 10
    denied_namespaces: Globs = ()
    kubernetes: KubernetesSettings = Field(default_factory=KubernetesSettings)


class RemedySettings(ActionSettings):
    """One element of a receiver's `<kind>_configs` that does something about an alert: a rule.

    Attributes:
        name: the rule's, in what is told and counted; its place among the receivers unless set.
        dry_run: it is only said what would be done.
        namespaces: those in which it may do something; none unless named.
        kinds: of which things, "Deployment"; none unless named.
        names: and which of these; none unless named.
        cooldown: for so long after something was done to a target nothing more is, by whatever rule.
        max_per_hour: how much the rule may do.
        max_targets: of more targets at once none is touched, and a person is asked.
        firing_for: how long the alert is to have been firing.
        settle: how long nothing is done at first: what else fires shows whether it is a storm.
        valid_for: what could not be done within so long, once it might be, is not done.
        verify_after: when it is looked whether it helped.
        otherwise: the receiver that is told where it did not help, or somebody is to decide.
        approval: where somebody is to approve it first.
        approvers: who may.
        approve_within: for so long it waits for that.
    """

    send_resolved: bool = False
    name: str = Field(default="", max_length=100)
    dry_run: bool = True
    namespaces: Globs = ()
    kinds: Globs = ()
    names: Globs = ()
    cooldown: Annotated[DurationSeconds, at_least(60, "within less nobody can tell whether it helped")] = 1_800.0
    max_per_hour: Annotated[int, Field(ge=0, le=1_000)] = 3
    max_targets: Annotated[int, Field(ge=1, le=100)] = 3
    firing_for: DurationSeconds = 0.0
    settle: Annotated[DurationSeconds, at_most(300, "an alert is to be dealt with while it fires")] = 10.0
    valid_for: Annotated[
        DurationSeconds,
        at_least(10, "it takes a moment to decide"),
        at_most(3_600, "what is done is to be about what is so, and not what was"),
    ] = 300.0
    verify_after: Annotated[
        DurationSeconds, at_least(5, "it takes effect after a while"), at_most(3_600, "somebody waits")
    ] = 120.0
    otherwise: str | None = None
    approval: Approval | None = None
    approvers: tuple[str, ...] = ()
    approve_within: Annotated[
        DurationSeconds, at_least(30, "a person is to read it"), at_most(86_400, "it is asked for what fires now")
    ] = 900.0

    remedies: ClassVar[bool] = True

    @model_validator(mode="after")
    def _approved_by_somebody(self) -> Self:
        if self.send_resolved:
            raise ValueError("has send_resolved: nothing is done about what is over")
        if self.approval and not self.approvers:
            raise ValueError("has an approval, and no approvers")
        if self.approvers and not self.approval:
            raise ValueError("has approvers, and no approval that they would give: slack or page")
        if not all(each.strip() and each != "*" for each in self.approvers):
            raise ValueError("has approvers that are nobody: each is named, as they log in; * stands for nothing here")
        if self.approval == "slack":
            for each in self.approvers:
                if not _SLACK_USER.fullmatch(each):
                    raise ValueError(
                        "has approvers that are no Slack user ids such as U012ABCDEF (names can be taken by anybody)"
                    )
        return self

    @property
    def does(self) -> str:
        """What it does, in a word."""
        return str(getattr(self, "verb", "hook"))

    def outside(self, target: Target) -> dict[str, str]:
        """By the key that does not name it why a target is not one of those that may be touched."""
        asked: dict[str, tuple[str, tuple[str, ...]]] = {
            "namespaces": (target.namespace, self.namespaces),
            "kinds": (target.kind, self.kinds),
            "names": (target.name, self.names),
        }
        found = {}
        for key, (value, patterns) in asked.items():
            if key == "namespaces" and not value:
                # What is in no namespace is chosen by kind and name.
                continue
            if not any(fnmatchcase(value.lower(), each.lower()) for each in patterns):
                found[key] = f"{value} is not among its {key}" if patterns else f"it has no {key}, so none is allowed"
        return found
