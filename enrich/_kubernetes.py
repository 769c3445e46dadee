"""Kubernetes' API as enrichers ask it: read only, a few requests at a time, each answer good for a few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from cluster import Cluster, ClusterError
from enrich._asking import failed
from enrich._base import Given, NoAnswer
from enrich._breaker import Asked, Breaker, Broken, unheard
from enrich._lines import readable
from outbound import Answer

_Key = TypeVar("_Key", bound=Hashable)
_Found = TypeVar("_Found")
_AT_ONCE = 8
_MAX_SAID = 200
_TIMED_OUT = "Kubernetes did not answer in time"


class Missing(NoAnswer):
    """What was asked for is not there."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to get.

    Attributes:
        path: its parts behind the server's URL.
        query: what stands behind the question mark.
        right: what RBAC is to allow, for people: "get pods in namespace shop".
        most_bytes: of the answer.
        of_nodes: it is answered by the pod's node, which may be down while the API is well.
    """

    path: tuple[str, ...]
    right: str
    query: tuple[tuple[str, str], ...] = ()
    most_bytes: int = 8 * 1024 * 1024
    of_nodes: bool = False


class Kubernetes:
    """A cluster that is asked; it is left alone for a while when it fails again and again.

    Args:
        cache_seconds: for how long an answer is good for the same question.
        asked: told of each question.
    """

    def __init__(self, cluster: Cluster, cache_seconds: float = 0.0, asked: Asked = unheard) -> None:
        self._cluster = cluster
        self._kept = _Kept(cache_seconds)
        self._breakers = {of_nodes: Breaker(time.monotonic, asked) for of_nodes in (False, True)}
        self._threads = ThreadPoolExecutor(_AT_ONCE, "kubernetes")

    def get(self, request: Request, read: Callable[[Answer], _Found], until: float) -> _Found:
        """Ask once, unless the answer is known or another thread asks for the same.

        Args:
            read: makes of the answer what is kept; an answer that it cannot read is not the API's.
            until: by the monotonic clock, for all of it.

        Raises:
            Missing: there is no such thing.
            NoAnswer: with the reason, in words for the person on call.
        """
        return cast(_Found, self._kept.get(request, lambda: self._ask(request, read, until), until))

    def each(
        self, wanted: Iterable[_Key], find: Callable[[_Key], _Found], until: float
    ) -> Mapping[_Key, _Found | NoAnswer]:
        """Find something for each, side by side; what is not found in time, or fails, is why."""
        try:
            futures = {key: self._threads.submit(_outcome, find, key) for key in wanted}
        except RuntimeError:
            raise NoAnswer("the service is stopping") from None
        wait(futures.values(), max(until - time.monotonic(), 0))
        late = NoAnswer(_TIMED_OUT)
        return {key: late if each.cancel() or not each.done() else each.result() for key, each in futures.items()}

    def close(self) -> None:
        """Ask nothing more."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._cluster.close()

    def _ask(self, request: Request, read: Callable[[Answer], _Found], until: float) -> _Found:
        breaker, left = self._breakers[request.of_nodes], until - time.monotonic()
        if left <= 0:
            raise NoAnswer(_TIMED_OUT)
        with breaker.asking("Kubernetes", left):
            return self._answered(request, read, left)

    def _answered(self, request: Request, read: Callable[[Answer], _Found], left_seconds: float) -> _Found:
        try:
            answer = self._cluster.get(
                request.path, dict(request.query), deadline_seconds=left_seconds, most_bytes=request.most_bytes
            )
        except ClusterError as error:
            raise Broken(str(error)) from None
        if answer.status == 200:
            try:
                return read(answer)
            except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
                raise Broken("answered with something that is not its API's") from None
        if answer.status == 401:
            raise Broken("does not know who asks (401): its token or certificate is not valid")
        if answer.status == 403:
            raise NoAnswer(f"Kubernetes does not allow it: needs {request.right}")
        said = f"answered with status {answer.status}{_said(answer)}"
        if answer.status == 404:
            raise Missing(f"Kubernetes {said}")
        if answer.status == 429 or answer.status >= 500 or answer.status < 400:
            raise Broken(said)
        raise NoAnswer(f"Kubernetes {said}")


class _Kept:
    """What is found by a request, for a few seconds; what two ask for at once is asked for once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._futures: dict[Request, tuple[float, Future[Any]]] = {}

    def get(self, request: Request, ask: Callable[[], Any], until: float) -> Any:
        with self._lock:
            now = time.monotonic()
            self._futures = {each: kept for each, kept in self._futures.items() if now < kept[0]}
            _, known = self._futures.get(request, (0.0, None))
            future: Future[Any] = known or Future()
            if known is None:
                self._futures[request] = (until, future)
        if known is None:
            self._fill(request, future, ask)
        try:
            return future.result(max(until - time.monotonic(), 0))
        except TimeoutError:
            raise NoAnswer(_TIMED_OUT) from None

    def _fill(self, request: Request, future: Future[Any], ask: Callable[[], Any]) -> None:
        try:
            future.set_result(ask())
            good_until = time.monotonic() + self._seconds
        except BaseException as error:
            # Told to all who wait for it, this thread among them; who comes later asks anew.
            future.set_exception(error)
            good_until = 0.0
        with self._lock:
            self._futures[request] = (good_until, future)


def kubernetes(given: Given) -> Kubernetes:
    """What is to be asked.

    Raises:
        NoAnswer: none is configured.
    """
    if given.kubernetes is None:
        raise NoAnswer("no Kubernetes is configured (enrichment.kubernetes)")
    return given.kubernetes


def _outcome(find: Callable[[_Key], _Found], key: _Key) -> _Found | NoAnswer:
    try:
        return find(key)
    except NoAnswer as reason:
        return reason
    except Exception as error:
        return failed(error)


def _said(answer: Answer) -> str:
    """What a Status object says beside the number.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    try:
        document = answer.json()
    except ValueError:
        return ""
    message = document.get("message") if isinstance(document, dict) else None
    return f": {readable(message, _MAX_SAID)}" if isinstance(message, str) and message else ""


def items(document: Any) -> Sequence[Any]:
    """What a list of the API holds.

    Raises:
        TypeError: it is none.
    """
    found = document["items"]
    if found is not None and not isinstance(found, list):
        raise TypeError("a list is wanted")
    return found or ()
