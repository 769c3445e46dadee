"""Alertmanager's API, version 2.

Source: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

import units
from alerts.matchers import Matcher
from outbound import Answer, Http, OutboundError, OutboundTimeout, redacted

_Read = TypeVar("_Read")
_MOST_SAID = 200
_MOST_SAID_READ = 10_000
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


class AlertmanagerError(Exception):
    """It did not do, or say, what was asked; the message is for people and holds no secret."""


Standing = Literal["told", "silenced", "inhibited", "muted"]
"""Whether what fires is told by Alertmanager, or why it is not."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence that there is.

    Attributes:
        labels: what an alert has to have, to the letter, to be silenced.
        ends_at: aware.
        created_by: anybody's text.
    """

    id: str
    labels: Mapping[str, str]
    ends_at: datetime
    created_by: str


class Alertmanager:
    """One Alertmanager.

    Args:
        url: its base URL, a path prefix included.
        http: the connections to use; they say who one is.
    """

    def __init__(self, url: str, http: Http) -> None:
        self._url = url.rstrip("/")
        self._http = http

    def page(self, silence_id: str) -> str:
        """Where people see a silence."""
        return f"{self._url}/#/silences/{silence_id}"

    def firing(self, labels: Mapping[str, str], deadline_seconds: float) -> list[str]:
        """The fingerprints of what fires there with these labels and is not silenced.

        Raises:
            AlertmanagerError: it does not say.
        """
        asked = [("active", "true"), ("silenced", "false"), ("inhibited", "true"), ("unprocessed", "true")]
        return self._get("alerts", [*asked, *_filters(labels)], deadline_seconds, _fingerprints)

    def standing(self, labels: Mapping[str, str], deadline_seconds: float) -> dict[str, Standing]:
        """How what fires there with these labels stands, by fingerprint; what is over is left out.

        Raises:
            AlertmanagerError: it does not say.
        """
        return self._get("alerts", _filters(labels), deadline_seconds, _standings)

    def silences(self, labels: Mapping[str, str], deadline_seconds: float) -> list[Silence]:
        """The silences in force that are of these labels, and of no others.

        Raises:
            AlertmanagerError: it does not say.
        """
        found = self._get("silences", _filters(labels), deadline_seconds, _in_force)
        return [each for each in found if each.labels == labels]

    def silence(
        self, labels: Mapping[str, str], until: datetime, created_by: str, comment: str, deadline_seconds: float
    ) -> Silence:
        """Make a silence of what has these labels, from now on.

        Args:
            labels: at least one.
            until: aware.

        Raises:
            AlertmanagerError: it is not made, or, as the message says then, it may be.
        """
        document = {
            "matchers": [_matcher(name, value) for name, value in sorted(labels.items())],
            "startsAt": datetime.now(UTC).isoformat(),
            "endsAt": until.isoformat(),
            "createdBy": created_by,
            "comment": comment,
        }
        body = json.dumps(document).encode()
        headers = {"Content-Type": "application/json"}
        url = f"{self._url}/api/v2/silences"
        try:
            answer = self._http.post(url, data=body, headers=headers, deadline_seconds=deadline_seconds)
        except OutboundTimeout:
            said = (
                f"Alertmanager did not answer within {deadline_seconds:g}s; it may have made the silence all the same"
            )
            raise AlertmanagerError(said) from None
        except OutboundError as error:
            raise AlertmanagerError(f"Alertmanager at {error}") from None
        return Silence(_read(answer, _made), labels, until, created_by)

    def _get(
        self, path: str, asked: list[tuple[str, str]], deadline_seconds: float, read: Callable[[Any], _Read]
    ) -> _Read:
        url = f"{self._url}/api/v2/{path}?{urlencode(asked, errors='replace')}"
        try:
            answer = self._http.get(url, deadline_seconds=deadline_seconds)
        except OutboundTimeout:
            raise AlertmanagerError(f"Alertmanager did not answer within {deadline_seconds:g}s") from None
        except OutboundError as error:
            raise AlertmanagerError(f"Alertmanager at {error}") from None
        return _read(answer, read)


def _read(answer: Answer, read: Callable[[Any], _Read]) -> _Read:
    """What an answer says, where it is one of the API's."""
    if answer.status != 200:
        # Struck out before it is cut: of a secret cut in two nothing would be recognised.
        said = " ".join(redacted(answer.text, answer.secrets)[:_MOST_SAID_READ].split())[:_MOST_SAID]
        raise AlertmanagerError(f"Alertmanager answered with status {answer.status}{f': {said}' if said else ''}")
    try:
        return read(answer.json())
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise AlertmanagerError("Alertmanager answered with something that is not its API's") from None


def _filters(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    return [("filter", str(Matcher(name, "=", value))) for name, value in sorted(labels.items())]


def _matcher(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": False, "isEqual": True}


def _fingerprints(document: Any) -> list[str]:
    return [str(each["fingerprint"]) for each in _listed(document)]


def _standings(document: Any) -> dict[str, Standing]:
    return {str(each["fingerprint"]): _standing(each["status"]) for each in _listed(document)}


def _standing(status: Any) -> Standing:
    if status["silencedBy"]:
        return "silenced"
    if status["inhibitedBy"]:
        return "inhibited"
    # Versions before 0.28 do not say that it is muted.
    return "muted" if status.get("mutedBy") or status["state"] == "suppressed" else "told"


def _in_force(document: Any) -> list[Silence]:
    """Those that a label set could have made: others, by regular expressions and such, are somebody's own."""
    return [
        Silence(
            _id(each["id"]),
            {matcher["name"]: matcher["value"] for matcher in each["matchers"]},
            units.moment(each["endsAt"]),
            str(each["createdBy"]),
        )
        for each in _listed(document)
        if each["status"]["state"] == "active"
        # Versions before 0.22 know no negative matchers, and do not say so.
        and all(not matcher["isRegex"] and matcher.get("isEqual", True) for matcher in each["matchers"])
    ]


def _made(document: Any) -> str:
    return _id(document["silenceID"])


def _id(text: Any) -> str:
    """An id, which is to be a part of a URL."""
    if not _ID.fullmatch(text):
        raise ValueError("is no id")
    return str(text)


def _listed(document: Any) -> list[Any]:
    if not isinstance(document, list):
        raise TypeError("is no list")
    return document
