"""Kubernetes' API as remedies ask it and write to it: all within one deadline, each request once.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from actions._base import json_bytes
from actions._kubernetes_resources import Place
from actions._kubernetes_rights import needed
from actions._plain import plain
from cluster import Cluster, ClusterError
from outbound import Answer

Document = Mapping[str, Any]

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"

# Of a list: what is beyond is not known, and so nothing is done.
MOST_LISTED = 500
_MOST_BYTES = 16 * 1024 * 1024
_MAX_SAID = 300
# Whose name stands beside a change in `metadata.managedFields`.
_OURS = {"fieldManager": "alert-manager"}
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class ApiError(Exception):
    """Nothing was got, or nothing done; the words are for people and hold no secret.

    Args:
        status: of the answer; 0 where there was none.
        in_doubt: it was a write, which may have been done all the same.
    """

    def __init__(self, message: str, *, status: int = 0, in_doubt: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.in_doubt = in_doubt

    @property
    def later(self) -> bool:
        """Whether it may be otherwise in a moment."""
        return self.status in (0, 401, 408, 429) or self.status >= 500


class Api:
    """A cluster's API, until a deadline.

    Args:
        deadline_seconds: for all that is asked.
    """

    def __init__(self, cluster: Cluster, deadline_seconds: float) -> None:
        self._cluster = cluster
        self._until = time.monotonic() + deadline_seconds

    def get(self, place: Place, query: Mapping[str, str] | None = None) -> Document:
        """Get a thing, or a list.

        Raises:
            ApiError: it is not there, or that cannot be known.
        """
        verb = "get" if place.name else "list"
        answer = self._ask("GET", place.path, needed(verb, place), query or {}, None, JSON)
        return _document(answer)

    def discover(self, version: str) -> Document:
        """Get what resources the core of the API has; whoever is known to the API server may.

        Raises:
            ApiError: it is not answered.
        """
        return _document(self._ask("GET", ("api", version), "what system:discovery has", {}, None, JSON))

    def items(self, place: Place, query: Mapping[str, str] | None = None) -> Sequence[Document]:
        """Get all of a kind.

        Raises:
            ApiError: that cannot be known; there are too many, too.
        """
        listed = self.get(place, {"limit": str(MOST_LISTED), **(query or {})})
        found = listed.get("items")
        if found is None:
            return ()
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise _not_its_own()
        if (listed.get("metadata") or {}).get("continue"):
            raise ApiError(f"there are more than {MOST_LISTED} {place.resource.plural}: not all were read", status=200)
        return found

    def write(self, method: str, place: Place, document: Document, content_type: str = JSON) -> Document:
        """Change something, once.

        Returns:
            The answer; {} where it cannot be read, for by its status it is done.

        Raises:
            ApiError: it is not done, or may not be.
        """
        query = _OURS if method == "PATCH" else {}
        answer = self._ask(method, place.path, needed(_VERBS[method], place), query, json_bytes(document), content_type)
        try:
            found = _document(answer)
        except ApiError:
            return {}
        if (found.get("kind"), found.get("status")) == ("Status", "Failure"):
            # An eviction of a pod with two budgets is created (201), and did not take place:
            # https://github.com/kubernetes/kubernetes/blob/master/pkg/registry/core/pod/storage/eviction.go
            code = found.get("code")
            raise ApiError(f"Kubernetes did not do it: {_said(answer)}", status=code if type(code) is int else 200)
        return found

    def _ask(
        self,
        method: str,
        path: Sequence[str],
        right: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
    ) -> Answer:
        left, writes = self._until - time.monotonic(), method != "GET"
        if left <= 0:
            raise ApiError("Kubernetes did not answer in time")
        try:
            answer = self._cluster.send(
                method,
                path,
                query,
                body,
                content_type=content_type,
                deadline_seconds=left,
                most_bytes=_MOST_BYTES,
            )
        except ClusterError as error:
            if not writes or not error.status:
                raise ApiError(f"Kubernetes {error}", in_doubt=writes and error.sent) from None
            # Its status came, and says whether it was done.
            answer = Answer(error.status)
        if 200 <= answer.status < 300:
            return answer
        raise ApiError(
            f"Kubernetes {_refusal(answer, right)}",
            status=answer.status,
            in_doubt=writes and (answer.status >= 500 or answer.status == 408),
        )


def _refusal(answer: Answer, right: str) -> str:
    """Why something is refused, in words.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    said = _said(answer)
    if answer.status == 401:
        return "does not know who asks (401): its token or certificate is not valid"
    if answer.status == 403 and (not said or 'forbidden: User "' in said):
        return f"does not allow it (403): needs {right}"
    # A quota or an admission webhook has its own words.
    return f"answered with status {answer.status}{': ' if said else ''}{said}"


def _said(answer: Answer) -> str:
    """A Status' message, and what of it is not in there: which disruption budget it is, for one."""
    try:
        document = answer.json()
    except ValueError:
        return ""
    if not isinstance(document, dict):
        return ""
    details = document.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    listed = [document, *(causes if isinstance(causes, list) else ())]
    said = [each.get("message") for each in listed if isinstance(each, dict)]
    texts = [each for each in said if isinstance(each, str) and each]
    return plain(
        "; ".join(dict.fromkeys(each for each in texts if each == texts[0] or each not in texts[0])), _MAX_SAID
    )


def _document(answer: Answer) -> Document:
    try:
        document = answer.json()
    except ValueError:
        raise _not_its_own() from None
    if not isinstance(document, dict):
        raise _not_its_own()
    return document


def _not_its_own() -> ApiError:
    return ApiError("Kubernetes answered with something that is not its API's")
