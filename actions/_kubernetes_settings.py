"""What a rule about Kubernetes is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from config.base import DurationSeconds, at_least, at_most
from config.remediation import RemedySettings

VerbName = Literal["scale", "restart", "delete_pod", "evict_pod", "cordon", "uncordon", "rollback"]

KINDS: Mapping[VerbName, tuple[str, ...]] = {
    "scale": ("Deployment", "StatefulSet"),
    "restart": ("Deployment", "StatefulSet", "DaemonSet"),
    "delete_pod": ("Pod",),
    "evict_pod": ("Pod",),
    "cordon": ("Node",),
    "uncordon": ("Node",),
    "rollback": ("Deployment", "StatefulSet", "DaemonSet"),
}
"""By the verb, what it changes."""

_ONLY_OF: Mapping[str, tuple[VerbName, ...]] = {
    "step": ("scale",),
    "factor": ("scale",),
    "min": ("scale",),
    "max": ("scale",),
    "raise_hpa": ("scale",),
    "grace_period": ("delete_pod", "evict_pod"),
}


class Settings(RemedySettings):
    """An element of `kubernetes_configs`: one verb, and within which bounds.

    Attributes:
        verb: what is done.
        step: of `scale`: so many replicas more, or fewer.
        factor: or so many times as many.
        min: and never fewer than so many.
        max: nor more.
        raise_hpa: where an autoscaler owns the number, raise the most that it may make it; else nothing is done.
        grace_period: of a pod that is deleted or evicted, instead of its own.
    """

    verb: VerbName
    step: Annotated[int, Field(ge=-1_000, le=1_000)] | None = None
    factor: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    min: Annotated[int, Field(ge=1, le=100_000)] | None = None
    max: Annotated[int, Field(ge=1, le=100_000)] | None = None
    raise_hpa: bool = False
    grace_period: (
        Annotated[
            DurationSeconds,
            at_least(1, "with none it may go on running beside the one that takes its place"),
            at_most(3_600, "somebody waits"),
        ]
        | None
    ) = None

    example: ClassVar[Mapping[str, Any]] = {"verb": "restart"}

    @model_validator(mode="after")
    def _fits_the_verb(self) -> Self:
        for key, verbs in _ONLY_OF.items():
            if key in self.model_fields_set and self.verb not in verbs:
                raise ValueError(f"has {key}, which is of verb {' and '.join(verbs)}, not of {self.verb}")
        if self.verb == "scale":
            self._check_scale()
        return self

    def _check_scale(self) -> None:
        if (self.step is None) == (self.factor is None):
            raise ValueError("needs step or factor to scale" if self.step is None else "has both step and factor")
        if self.min is None or self.max is None:
            raise ValueError("needs min and max to scale: the bounds that it keeps within")
        if self.min > self.max:
            raise ValueError("has a min above its max")
        if self.step == 0 or self.factor == 1:
            raise ValueError("would change nothing: step is not 0, factor not 1")
        if self.raise_hpa and not self.scales_up:
            raise ValueError("has raise_hpa, and makes it fewer: it needs a step above 0, or a factor above 1")

    @property
    def scales_up(self) -> bool:
        """Whether `scale` makes it more."""
        return self.step > 0 if self.step is not None else (self.factor or 0) > 1

    def doubts(self) -> Iterator[tuple[str, str]]:
        """What is set and may not be what was meant."""
        yield from super().doubts()
        fitting = KINDS[self.verb]
        for each in self.kinds:
            if not any(fnmatchcase(kind.lower(), each.lower()) for kind in fitting):
                yield "kinds", f"has {each}, and {self.verb} changes {' and '.join(fitting)} only"
