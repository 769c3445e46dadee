"""Hook: an automation of the user's own, called over HTTP with a signature, or run as a Kubernetes Job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, SecretStr, model_validator

from actions._hook_call import SHORTEST_SECRET, Call, check_status_url
from actions._hook_job import Job
from actions._hook_settings import JobSettings
from actions._hook_target import hook_target
from actions._remedy import RemedyAction, Token
from alerts.model import Alert
from alerts.remediation import NotPerformed, Performed, Proposal, Ready
from cluster import Cluster
from config.base import SecretUrl, require_one
from config.http_config import HttpActionSettings
from config.remediation import RemedySettings
from outbound import Http

_OTHERWISE = "the rule calls where it ran a job when this was proposed, or the other way round"
_OF_A_CALL = ("secret", "secret_file", "status_url", "http_config")


def _status_url(value: SecretStr) -> SecretStr:
    check_status_url(value.get_secret_value())
    return value


def _not_to_be_guessed(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < SHORTEST_SECRET:
        raise ValueError(f"should have {SHORTEST_SECRET} characters or more, as of openssl rand -hex 32")
    return value


class Settings(RemedySettings, HttpActionSettings):
    """An element of `hook_configs`.

    Attributes:
        url: what is called; never shown.
        secret: what a call is signed with.
        status_url: where is asked what became of a call, with `{{ token }}` for which.
        job: what is run instead.
    """

    url: SecretUrl | None = None
    url_file: Path | None = None
    secret: Annotated[SecretStr, AfterValidator(_not_to_be_guessed)] | None = None
    secret_file: Path | None = None
    status_url: Annotated[SecretStr, AfterValidator(_status_url)] | None = None
    job: JobSettings | None = None

    example: ClassVar[Mapping[str, Any]] = {
        "url": "https://automation.example.com/hooks/drain",
        "secret": "what-both-sides-know",
    }

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        require_one(self, "url", "url_file", "job")
        if self.job is None:
            require_one(self, "secret", "secret_file")
        elif unfit := [key for key in _OF_A_CALL if getattr(self, key) is not None]:
            raise ValueError(f"has a job, and {' and '.join(unfit)}, which is of a url")
        return self

    @classmethod
    def takes_default(cls, key: str, given: Mapping[str, Any]) -> bool:
        """Whether a key may be filled in from `global`: a Job is spoken to by nobody here."""
        return given.get("job") is None and super().takes_default(key, given)

    @property
    def does(self) -> str:
        """What it does, in a word."""
        return Call.verb if self.job is None else Job.verb

    @property
    def read_from(self) -> tuple[Path, ...]:
        """The template's file."""
        return (self.job.template.path,) if self.job else ()


class Action(RemedyAction):
    """Calls, or runs a Job; the way is the configuration's, and the alert is all that is told."""

    def __init__(self, settings: Settings, http: Http, cluster: Cluster) -> None:
        self._by: Call | Job
        if settings.job is not None:
            self._by = Job(cluster, settings.name, settings.job.template, settings.job.where, settings.timeout)
        else:
            url, secret = (settings.url, settings.url_file), (settings.secret, settings.secret_file)
            self._by = Call(http, settings.name, url, secret, settings.status_url, settings.timeout)

    def propose(self, alert: Alert, deadline_seconds: float) -> Proposal:
        """What would be done about an alert; nobody is asked."""
        proposal = self._by.propose(alert, hook_target(alert))
        return replace(proposal, request={**proposal.request, "by": self._by.verb})

    def perform(self, proposal: Proposal, alert: Alert, token: Token, deadline_seconds: float) -> Performed:
        """Do it, once."""
        if not self._is_of(proposal):
            raise NotPerformed(_OTHERWISE, in_doubt=False)
        return self._by.perform(proposal, alert, token, deadline_seconds)

    def happened(self, proposal: Proposal, token: Token, deadline_seconds: float) -> Performed | None:
        """Look whether it was done."""
        if not self._is_of(proposal):
            raise NotPerformed(_OTHERWISE, in_doubt=True)
        return self._by.happened(proposal, token, deadline_seconds)

    def ready(self, proposal: Proposal, performed: Performed, deadline_seconds: float) -> Ready:
        """How it has gone."""
        if not self._is_of(proposal):
            return Ready(None, _OTHERWISE)
        return self._by.ready(performed, deadline_seconds)

    def note(self, proposal: Proposal, text: str, token: Token, at: datetime, deadline_seconds: float) -> str:
        """Nowhere: what is dealt with is an automation's, and no thing here."""
        return ""

    def _is_of(self, proposal: Proposal) -> bool:
        return proposal.request.get("by") == self._by.verb
