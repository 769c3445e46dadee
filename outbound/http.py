"""Requests: one deadline for the whole exchange, no redirects, bounded answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from outbound.answers import Answer, OutboundError, explained, host_of
from outbound.deadline import DeadlineAdapter
from outbound.far_side import Identity, Proxy, Tls

MAX_ANSWER_BYTES = 32 * 1024 * 1024
_URLS_AT_MOST = 1_000
# A compressed answer can be larger than it looks; these are small anyway.
_HEADERS = {"User-Agent": "alert-manager", "Accept": "*/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class _Environment:
    """How the environment wants a URL to be asked, in requests' words, and a request to it that has no body yet."""

    request: requests.PreparedRequest
    verify: Any
    cert: Any
    proxies: dict[str, str]


class Http:
    """Pooled connections to the far sides; one for a process, shared by its threads.

    Args:
        pool_size: connections kept open a host.
        tls: instead of what the environment says.
        proxy: likewise.
        identity: asked with each request; it may raise an OutboundError.
    """

    def __init__(
        self,
        pool_size: int = 64,
        tls: Tls | None = None,
        proxy: Proxy | None = None,
        identity: Callable[[], Identity] = Identity,
    ) -> None:
        self._tls = tls
        self._proxy = proxy
        self._identity = identity
        if tls is not None and tls.insecure:
            # It was asked for, and need not be said with each request.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._adapter = DeadlineAdapter(tls or Tls(), pool_connections=pool_size, pool_maxsize=pool_size)
        self._tunnels = self._adapter
        if proxy is not None and proxy.connect_headers:
            # Not with requests that the proxy hands on as they are: the far side would get these headers.
            self._tunnels = DeadlineAdapter(
                tls or Tls(), proxy.connect_headers, pool_connections=pool_size, pool_maxsize=pool_size
            )
        self._environments: dict[str, _Environment] = {}

    def post(
        self,
        url: str,
        *,
        deadline_seconds: float,
        data: bytes | Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Post once and return the answer, whatever its status.

        Args:
            url: http or https.
            deadline_seconds: for everything from connecting to the last byte (looking a name up comes on top).
            data: bytes as they are, or a form.
            headers: added to the usual ones.

        Raises:
            OutboundTimeout: the deadline passed.
            OutboundError: no answer, or one that is not HTTP, or longer than 32 MiB.
        """
        return self._exchange("POST", url, data, headers, deadline_seconds, MAX_ANSWER_BYTES)

    def get(
        self,
        url: str,
        *,
        deadline_seconds: float,
        headers: Mapping[str, str] | None = None,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """Get once and return the answer, whatever its status; see `post`.

        Args:
            most_bytes: an answer that is longer is an error.
        """
        return self._exchange("GET", url, None, headers, deadline_seconds, most_bytes)

    def send(
        self,
        method: str,
        url: str,
        *,
        deadline_seconds: float,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """Make a request of another method once and return the answer, whatever its status; see `post`."""
        return self._exchange(method, url, data, headers, deadline_seconds, most_bytes)

    def _exchange(
        self,
        method: str,
        url: str,
        data: bytes | Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        deadline_seconds: float,
        most_bytes: int,
    ) -> Answer:
        host = host_of(url)
        who = self._identity()
        timeout = urllib3.Timeout(total=max(deadline_seconds, 0.001))
        try:
            environment = self._environment(url)
            request = environment.request.copy()
            request.method = method
            if method == "GET":
                request.headers.pop("Content-Length", None)
            else:
                request.prepare_body(data, None)
            request.headers.update({**who.headers, **(headers or {})})
            adapter = self._tunnels if url.lower().startswith("https:") else self._adapter
            with adapter.send(
                request,
                stream=True,
                timeout=timeout,  # type: ignore[arg-type]  # requests hands urllib3's own class through
                verify=environment.verify,
                cert=environment.cert,
                proxies=environment.proxies,
            ) as response:
                try:
                    body = _read(response, host, most_bytes)
                except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                    raise _of(response.status_code, explained(error, host, deadline_seconds)) from None
                answer_headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, answer_headers, body, who.secrets)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise explained(error, host, deadline_seconds) from None

    def close(self) -> None:
        """Close the pooled connections."""
        self._adapter.close()
        self._tunnels.close()

    def _environment(self, url: str) -> _Environment:
        """What HTTPS_PROXY, REQUESTS_CA_BUNDLE and their like say of a URL; asked once, for asking takes its time.

        Nothing else of a session is wanted, and a request through one takes longer: it keeps cookies, and nobody
        is to be recognised from one call to the next.
        """
        known = self._environments.get(url)
        if known is None:
            request = requests.Request("POST", url, _HEADERS).prepare()
            with requests.Session() as session:
                settings = session.merge_environment_settings(url, {}, True, None, None)
            verify, cert = settings["verify"], settings["cert"]
            if self._tls is not None:
                verify = False if self._tls.insecure else str(self._tls.ca_file) if self._tls.ca_file else verify
                cert = (str(self._tls.cert_file), str(self._tls.key_file)) if self._tls.cert_file else cert
            proxies = dict(settings["proxies"]) if self._proxy is None else self._proxy.to(url)
            known = _Environment(request, verify, cert, proxies)
            if len(self._environments) >= _URLS_AT_MOST:
                self._environments.clear()
            self._environments[url] = known
        return known


def _read(response: requests.Response, host: str, most_bytes: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(65_536):
        body += chunk
        if len(body) > most_bytes:
            raise _of(response.status_code, OutboundError(f"{host}: the answer is longer than {most_bytes} bytes"))
    return bytes(body)


def _of(status: int, error: OutboundError) -> OutboundError:
    """An error of an answer whose status is known."""
    error.status = status
    return error
