"""Prometheus' HTTP API, and PromQL that label values cannot break out of.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from enrich._base import NoAnswer
from enrich._vector import Sample, Vector
from outbound import Answer, Http, OutboundError, OutboundTimeout

# What RE2 reads as something other than itself; re.escape would also escape what RE2 refuses escaped.
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_MAX_ERROR = 200


class Prometheus:
    """A server that speaks Prometheus' HTTP API.

    Args:
        url: its base URL, a path prefix included.
        http: the connections to use.
    """

    def __init__(self, url: str, http: Http) -> None:
        self._url = url.rstrip("/")
        self._http = http

    def query(self, promql: str, at: datetime, deadline_seconds: float) -> Vector:
        """Ask one instant query.

        Args:
            promql: by POST, so that its length does not matter.
            at: the moment that it is evaluated at.
            deadline_seconds: for the whole exchange; Prometheus is told, too.

        Raises:
            NoAnswer: with the reason, in words for the person on call.
        """
        form = {"query": promql, "time": f"{at.timestamp():.3f}", "timeout": f"{deadline_seconds:.3f}"}
        try:
            answer = self._http.post(f"{self._url}/api/v1/query", data=form, deadline_seconds=deadline_seconds)
        except OutboundTimeout:
            raise NoAnswer(f"Prometheus timed out after {round(deadline_seconds, 1):g}s") from None
        except OutboundError as error:
            raise NoAnswer(f"Prometheus at {error}") from None
        return _vector(answer)


def _vector(answer: Answer) -> Vector:
    try:
        document = answer.json()
    except ValueError:
        document = None
    if isinstance(document, dict) and document.get("status") == "error":
        raise NoAnswer(f"Prometheus says: {_one_line(str(document.get('error') or f'status {answer.status}'))}")
    if answer.status != 200:
        raise NoAnswer(f"Prometheus answered with status {answer.status}")
    try:
        return Vector(_sample(each) for each in _result(document))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        raise NoAnswer("Prometheus answered with something that is not its API's") from None


def _one_line(error: str) -> str:
    """The beginning of an error, without half surrogate pairs: JSON may hold them, and nothing could store them."""
    return " ".join(error.encode(errors="replace").decode().split())[:_MAX_ERROR]


def _result(document: Any) -> list[Any]:
    data = document["data"]
    if data["resultType"] != "vector" or not isinstance(data["result"], list):
        raise ValueError("not a vector")
    return list(data["result"])


def _sample(each: Any) -> Sample:
    labels = {str(name): str(value) for name, value in dict(each["metric"]).items()}
    return Sample(labels, float(each["value"][1]))


def any_of(label: str, values: Iterable[str]) -> str:
    """A matcher for series whose label has one of these values, to the letter: `pod=~"a|b\\\\.c"`."""
    alternatives = "|".join(_SPECIAL.sub(r"\\\g<0>", value) for value in sorted(set(values)))
    return f"{label}=~{quoted(alternatives)}"


def quoted(text: str) -> str:
    """A PromQL string that holds this text.

    U+FFFD is what Prometheus' lexer takes for invalid UTF-8 unless it is escaped, and it stands wherever something
    replaced half an emoji. https://github.com/prometheus/prometheus/blob/main/promql/parser/lex.go (lexString)
    """
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\ufffd", "\\ufffd")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def per_second(selector: str) -> str:
    """How fast counters have grown over the last five minutes, or for as long as they exist.

    `rate` divides by five minutes even where a series is one minute old, and so shows a fifth of what a container
    uses that has just restarted; the slope does not, and `rate` remains for counters that were reset.
    https://prometheus.io/docs/prometheus/latest/querying/functions/#rate
    """
    window = f"{selector}[5m]"
    return f"((deriv({window}) and resets({window}) == 0) or rate({window}))"
