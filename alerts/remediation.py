"""What is done about an alert, to what, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

RemediationState = Literal["proposed", "considered", "approval", "acting", "verifying", "done"]
"""How far one is: its target is to be found; it is to be decided on; somebody is to approve it; it may have been done;
it was, and whether that helped is to be seen; or nothing more comes of it.
"""

RemediationResult = Literal["fixed", "not_fixed", "unknown", "failed", "dry_run", "refused", "declined", "expired"]
"""What came of one: it was done and helped, did not, or nobody can tell (whether it helped, or whether it was done at
all); it was tried and not done; it would have been done; a guard stopped it; somebody said no; or it came too late.
"""

Approval = Literal["slack", "page"]


@dataclass(frozen=True, slots=True)
class Target:
    """What is changed.

    Attributes:
        kind: as Kubernetes spells it, "Deployment"; of what is no object there "Instance", "Alert".
        namespace: "" of what is in none, such as a node.
    """

    kind: str
    name: str
    namespace: str = ""

    @property
    def key(self) -> str:
        """What tells it from all others: "deployment/shop/cart"."""
        return f"{self.kind.lower()}/{self.namespace}/{self.name}"

    @property
    def text(self) -> str:
        """For people: "deployment shop/cart", "node worker-1"."""
        return f"{self.kind.lower()} {'/'.join(filter(None, (self.namespace, self.name)))}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be done about an alert; nothing has been done yet.

    Attributes:
        verb: "restart".
        does: it in words, without a subject: "scale deployment shop/cart from 3 to 5 replicas".
        before: how the target is, for people: its replicas, its revision.
        request: what `perform` needs, as JSON has it: all that the write depends on, such as the resourceVersion that
            it was decided on. No secret.
    """

    verb: str
    target: Target
    does: str
    before: Mapping[str, Any] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Performed:
    """It was done.

    Attributes:
        detail: what the far side said, short and without secrets.
        after: how the target is to be by it, for people; what `ready` looks for.
    """

    detail: str
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ready:
    """Whether the target is as it is to be after what was done.

    Attributes:
        ready: None where that cannot be known.
        detail: why not, in words: "2 of 5 replicas are available".
    """

    ready: bool | None
    detail: str


class NotProposed(Exception):
    """Nothing can be done about an alert; the message says why, for people, and holds no secret.

    Args:
        later: it may be otherwise in a moment: the far side did not answer.
    """

    def __init__(self, message: str, *, later: bool = False) -> None:
        super().__init__(message)
        self.later = later


class NotPerformed(Exception):
    """It is not done, or may not be; the message says why, for people, and holds no secret.

    Args:
        in_doubt: it may have been done all the same: the answer was lost.
    """

    def __init__(self, message: str, *, in_doubt: bool) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one guard says.

    Attributes:
        guard: its name: "dry_run", "namespaces", "cooldown".
        passed: it stops nothing.
        why: in words for people.
        at: when what it waits for may be over; None where waiting does not help.
    """

    guard: str
    passed: bool
    why: str = ""
    at: datetime | None = None
