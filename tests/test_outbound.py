"""HTTP to the far sides: whatever they do, an answer or an error in time, and no secret in it."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from outbound import Answer, Http, Identity, OutboundError, OutboundTimeout, OutboundUnsent, Proxy, Tls, redacted
from tests.far_sides import trouble
from tests.far_sides.certificate import make_certificate
from tests.far_sides.http_server import HttpServer
from tests.far_sides.tunnel import TunnelProxy

DEADLINE_SECONDS = 0.5
BOUND_SECONDS = 2.0
SECRET = "/services/T0/B0/s3cret?token=s3cret"


@pytest.fixture
def http() -> Iterator[Http]:
    """A client, closed at the end."""
    client = Http()
    yield client
    client.close()


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """A far side that answers 200."""
    with HttpServer() as far_side:
        yield far_side


def read_request(connection: socket.socket) -> None:
    """Reads a request whole: to close with something unread would take back what was sent."""
    request = b""
    while not request.endswith(b"{}"):
        request += connection.recv(65_536)


def failure(http: Http, url: str, deadline_seconds: float = DEADLINE_SECONDS, data: bytes = b"{}") -> OutboundError:
    """The error that a post ends with, in time and without the URL's secrets."""
    begun = time.monotonic()
    with pytest.raises(OutboundError) as caught:
        http.post(url, data=data, deadline_seconds=deadline_seconds)
    assert time.monotonic() - begun < BOUND_SECONDS
    # Nothing that a logged traceback would show, either.
    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize(
    ("serve", "kind", "words"),
    [
        (trouble.hanging, OutboundTimeout, "timed out after 0.5s"),
        (trouble.refusing, OutboundUnsent, "connection refused"),
        (trouble.dripping_headers, OutboundTimeout, "timed out after 0.5s"),
        (trouble.dripping_body, OutboundTimeout, "timed out after 0.5s"),
        (trouble.closing, OutboundError, "no usable answer"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_every_trouble_ends_in_time(
    http: Http, serve: Callable[[], AbstractContextManager[str]], kind: type[OutboundError], words: str
) -> None:
    """Whatever a far side does, the error names its host and the reason before long."""
    with serve() as url:
        error = failure(http, url + SECRET)
        host = url.removeprefix("http://")
    assert kind is type(error)
    assert f"{host}: {words}" in str(error)


def test_a_far_side_that_does_not_read_ends_in_time(http: Http) -> None:
    """A large body that nobody takes does not hold the sender."""
    with trouble.hanging() as url:
        error = failure(http, url + SECRET, data=b"x" * 50_000_000)
    assert "timed out after 0.5s" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        b"s3cret nonsense\r\n\r\n",
        b"HTTP/1.1 abc s3cret\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: s3cret\r\nTransfer-Encoding: s3cret\r\n"
        + b"X: s3cret\r\n" * 200
        + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"s3cret" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ns3cret\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ns3cret",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\ns3cret",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3,
    ],
    ids=["no HTTP", "no status", "headers", "a long header", "no chunk", "cut off", "no gzip", "continue"],
)
def test_an_answer_that_is_not_http_is_an_error(http: Http, answer: bytes) -> None:
    """What cannot be read is said in our own words, with nothing of what came."""

    def behave(connection: socket.socket, stopping: threading.Event) -> None:
        read_request(connection)
        connection.sendall(answer)

    with trouble._serving(behave) as url:
        error = failure(http, url + SECRET)
    assert str(error).startswith(url.removeprefix("http://"))


@pytest.mark.parametrize(
    "url",
    [
        "http://s3cret:s3cret@127.0.0.1:1/",
        "http://nowhere.invalid/s3cret",
        "http://[::1/s3cret",
        "http://127.0.0.1:99999/s3cret",
        "http://127.0.0.1:s3cret/",
        "http:///s3cret",
        "ftp://127.0.0.1/s3cret",
        "s3cret",
        "http://a..b/s3cret",
        "http://\ud83d.example/s3cret",
        "http://127.0.0.1:1/\ud83d/s3cret",
    ],
)
def test_a_bad_url_is_an_error_without_it(http: Http, url: str) -> None:
    """What is no URL, or leads nowhere, is an error like all others."""
    failure(http, url)


def test_an_endless_body_is_bounded(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is read up to its limit and no further."""
    monkeypatch.setattr("outbound.http.MAX_ANSWER_BYTES", 1_000_000)
    with trouble.endless_body() as url:
        error = failure(http, url + SECRET, deadline_seconds=BOUND_SECONDS)
    assert f"{url.removeprefix('http://')}: the answer is longer than 1000000 bytes" == str(error)


def test_nonsense_is_an_answer(http: Http) -> None:
    """What an answer means is for the caller to say; that it is no JSON is said when it is read as such."""
    with trouble.nonsense() as url:
        answer = http.post(url, deadline_seconds=5)
    assert (200, "\x00\ufffd<html>not JSON") == (answer.status, answer.text)
    with pytest.raises(ValueError, match=r"decode|Expecting"):
        answer.json()


@pytest.mark.parametrize("body", [b"[" * 100_000, b"NaN x", b"", b"\xff"])
def test_an_answer_that_is_no_json_is_a_value_error(body: bytes) -> None:
    """Nesting without end too."""
    with pytest.raises(ValueError, match=r".+"):
        Answer(200, body=body).json()


def test_an_error_status_is_an_answer(http: Http) -> None:
    """A status is for the caller to judge; headers are found by their lower-case names."""
    with trouble.unavailable(429, b"slow down", {"Retry-After": "7"}) as url:
        answer = http.post(url, deadline_seconds=5)
    assert (429, b"slow down", "7") == (answer.status, answer.body, answer.headers["retry-after"])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_follows_no_redirect(http: Http, server: HttpServer, status: int) -> None:
    """A redirect is an answer: what is sent goes to the host that was configured and to no other."""
    with HttpServer() as other:
        server.answer_next(status, headers={"Location": other.url})
        answer = http.post(server.url, data=b"{}", deadline_seconds=5)
        assert (status, other.url) == (answer.status, answer.headers["location"])
        assert [] == other.requests


def test_sends_what_it_is_given(http: Http, server: HttpServer) -> None:
    """Bytes go as they are, a form as a form, with the headers that were asked for."""
    http.post(server.url + "/a", data=b'{"x": 1}', headers={"Content-Type": "application/json"}, deadline_seconds=5)
    http.post(server.url + "/b", data={"query": "up & 🔥"}, deadline_seconds=5)
    first, second = server.requests
    assert ("POST", "/a", b'{"x": 1}') == (first.method, first.path, first.body)
    assert ("application/json", "alert-manager") == (first.headers["Content-Type"], first.headers["User-Agent"])
    assert ("/b", b"query=up+%26+%F0%9F%94%A5") == (second.path, second.body)
    assert "application/x-www-form-urlencoded" == second.headers["Content-Type"]


class Counting(HttpServer):
    """A far side that knows how many connections it has had."""

    @property
    def connections(self) -> int:
        """How many."""
        return len(self._server._connections)


def test_keeps_its_connection(http: Http) -> None:
    """Requests that follow each other share one, each with a deadline of its own."""
    with Counting() as server:
        for _ in range(5):
            server.answer_next(200, b"x" * 100_000)
            assert 100_000 == len(http.post(server.url, data=b"{}", deadline_seconds=DEADLINE_SECONDS).body)
        server.delay_seconds = DEADLINE_SECONDS + 0.3
        assert 200 == http.post(server.url, data=b"{}", deadline_seconds=5).status
        assert 1 == server.connections

        server.delay_seconds = 30
        assert isinstance(failure(http, server.url + SECRET), OutboundTimeout)
        server.delay_seconds = 0
        assert 200 == http.post(server.url, data=b"{}", deadline_seconds=5).status
        assert 2 == server.connections


def test_a_connection_that_the_far_side_closed_is_not_used(http: Http) -> None:
    """A far side that restarts between two requests is heard at the first attempt."""

    def behave(connection: socket.socket, stopping: threading.Event) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with trouble._serving(behave) as url:
        for _ in range(3):
            assert "ok" == http.post(url, data=b"{}", deadline_seconds=5).text
            # Not a condition that could be waited for: the far side's end is on its way.
            time.sleep(0.05)


def test_is_used_by_many_threads_at_once(http: Http, server: HttpServer) -> None:
    """Each gets its own answer."""
    answers: list[int] = []

    def post() -> None:
        answers.extend(http.post(server.url, data=b"{}", deadline_seconds=5).status for _ in range(10))

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [200] * 200 == answers


def test_a_proxy_does_not_outlast_the_deadline(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a proxy of the environment the deadline holds as well."""
    with trouble.dripping_body() as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("no_proxy", "")
        assert isinstance(failure(http, "http://far.example" + SECRET), OutboundTimeout)


def test_a_proxy_that_dawdles_over_a_tunnel_does_not_outlast_the_deadline(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer to CONNECT is within the deadline, too."""
    with trouble.dripping_headers() as url:
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, url)
        monkeypatch.setenv("no_proxy", "")
        assert isinstance(failure(http, "https://far.example" + SECRET), OutboundTimeout)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signed itself, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


def over_tls(
    certificate: tuple[Path, Path],
    pieces: Iterator[bytes],
    pause_seconds: float,
    spoken: list[str | None] | None = None,
) -> AbstractContextManager[str]:
    """A far side that speaks TLS and answers in pieces; the versions that were spoken are put into a list."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def behave(connection: socket.socket, stopping: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            if spoken is not None:
                spoken.append(secured.version())
            read_request(secured)
            for piece in pieces:
                secured.sendall(piece)
                if stopping.wait(pause_seconds):
                    return

    return trouble._serving(behave)


def test_the_deadline_holds_over_tls(
    http: Http, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A far side that drips is left in time, one that answers is read, one that nobody vouches for is refused."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    with over_tls(certificate, iter([head, b"x" * 400, b"x" * 600]), 0.01) as url:
        answer = http.post(url.replace("http:", "https:"), data=b"{}", deadline_seconds=5)
    assert (200, 1000) == (answer.status, len(answer.body))

    with over_tls(certificate, iter([head] + [b"x"] * 500), 0.05) as url:
        assert isinstance(failure(http, url.replace("http:", "https:") + SECRET), OutboundTimeout)

    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with over_tls(certificate, iter([head]), 0) as url:
        assert "TLS failed" in str(failure(http, url.replace("http:", "https:") + SECRET))


def test_a_certificate_is_held_against_what_is_said(
    certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a file of one's own, whatever the environment says; for another's name, or for none; or not at all."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def asked(tls: Tls) -> str:
        http = Http(tls=tls)
        with over_tls(certificate, iter([head]), 0) as url:
            try:
                return http.post(url.replace("http:", "https:"), data=b"{}", deadline_seconds=5).text
            except OutboundError as error:
                return str(error).partition(": ")[2]
            finally:
                http.close()

    refused = "TLS failed (SSLCertVerificationError)"
    trusted = Tls(ca_file=certificate[0])
    assert "ok" == asked(trusted)
    assert refused == asked(Tls())
    assert "ok" == asked(replace(trusted, server_name="127.0.0.1"))
    assert "TLS failed" in asked(replace(trusted, server_name="other.example"))
    assert "ok" == asked(Tls(insecure=True))
    assert "ok" == asked(replace(trusted, cert_file=certificate[0], key_file=certificate[1]))
    assert "no usable answer (OSError)" == asked(Tls(ca_file=tmp_path / "absent.pem"))


def test_what_is_said_of_certificates_is_nothing_without_tls(server: HttpServer) -> None:
    """A plain URL with a `tls_config` is asked all the same."""
    server.answer_next(200, b"ok")
    http = Http(tls=Tls(server_name="other.example", insecure=True))
    assert 200 == http.post(server.url, data=b"{}", deadline_seconds=5).status
    http.close()


def test_redacts_every_secret() -> None:
    """Each secret that a far side sent back becomes stars; an empty one changes nothing."""
    assert "no *** for *** here" == redacted("no s3cret for T0K3N here", ["s3cret", "", "T0K3N"])


def test_gets(http: Http, server: HttpServer) -> None:
    """Without a body, with headers, from the whole URL, and no more than is wanted."""
    server.answer_next(404, b"x" * 1_000, times=2)
    url = f"{server.url}/a?b=c"
    answer = http.get(url, deadline_seconds=5, headers={"X": "y"}, most_bytes=1_000)
    assert (404, 1_000) == (answer.status, len(answer.body))
    with pytest.raises(OutboundError, match="the answer is longer than 999 bytes"):
        http.get(url, deadline_seconds=5, most_bytes=999)
    (request, _) = server.requests
    assert ("GET", "/a?b=c", "y", b"") == (request.method, request.path, request.headers["X"], request.body)
    assert "Content-Length" not in request.headers


def test_a_proxy_of_ones_own_takes_what_is_not_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment names is not asked; a plain request is handed to the proxy whole, with who one is there."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with HttpServer() as proxy, HttpServer() as other:
        url = proxy.base_url.replace("http://", "http://us:s3cret@")
        http = Http(proxy=Proxy(url, no_proxy=f"{other.address}, 10.0.0.0/8", connect_headers={"X-Tunnel": "s3cret"}))
        assert 200 == http.post("http://far.example/a", data=b"{}", deadline_seconds=5).status
        assert 200 == http.post(f"{other.url}/b", data=b"{}", deadline_seconds=5).status
        http.close()
        (handed,), (direct,) = proxy.requests, other.requests
    assert ("http://far.example/a", "/b") == (handed.path, direct.path)
    assert "Basic dXM6czNjcmV0" == handed.headers["Proxy-Authorization"]
    # It would be handed on to the far side.
    assert "X-Tunnel" not in handed.headers
    assert "Proxy-Authorization" not in direct.headers


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("", "http://a.example", False),
        ("*", "http://a.example", True),
        ("a.example", "http://a.example/x", True),
        ("b.example, A.example", "http://a.example/x", True),
        (".example", "http://a.example/x", True),
        ("example", "http://a.example/x", True),
        ("ample", "http://a.example/x", False),
        ("a.example:80", "http://a.example/x", True),
        ("a.example:443", "https://a.example/x", True),
        ("a.example:80", "https://a.example/x", False),
        ("10.0.0.0/8", "http://10.1.2.3:8080/x", True),
        ("10.0.0.0/8", "http://11.1.2.3/x", False),
        ("10.0.0.0/99, ,:", "http://10.1.2.3/x", False),
        ("fd00::/8", "http://[fd00::1]/x", True),
    ],
)
def test_no_proxy_names_hosts_domains_and_networks(no_proxy: str, url: str, direct: bool) -> None:
    """As the variable of that name has them; what is none of these passes nothing by."""
    wanted = {} if direct else {"http": "http://proxy", "https": "http://proxy"}
    assert wanted == Proxy("http://proxy", no_proxy).to(url)


def test_a_proxy_that_is_none_is_the_direct_way(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    http = Http(proxy=Proxy())
    assert 200 == http.post(server.url, data=b"{}", deadline_seconds=5).status
    http.close()


def test_a_tunnel_through_a_proxy(certificate: tuple[Path, Path]) -> None:
    """The proxy is told who one is and what it wants to know, the far side is not; TLS is spoken with the latter."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with TunnelProxy() as proxy, over_tls(certificate, iter([head]), 0) as url:
        way = Proxy(proxy.url.replace("http://", "http://us:s3cret@"), connect_headers={"X-Tunnel": "s3cret"})
        for tls, expected in ((Tls(ca_file=certificate[0]), "ok"), (Tls(certificate[0], server_name="x"), "")):
            http = Http(tls=tls, proxy=way)
            if expected:
                answer = http.post(url.replace("http:", "https:"), data=b"{}", deadline_seconds=5)
                assert expected == answer.text
            else:
                assert "TLS failed" in str(failure(http, url.replace("http:", "https:"), 5))
            http.close()
        first = proxy.asked[0]
    assert first.startswith(f"CONNECT {url.removeprefix('http://').rstrip('/')} ")
    assert "X-Tunnel: s3cret\r\n" in first
    assert "Proxy-Authorization: Basic dXM6czNjcmV0\r\n" in first


def test_a_proxy_that_refuses_or_is_away_is_named() -> None:
    """It is not the far side that did not answer; neither the proxy's URL nor its user is told."""
    with TunnelProxy(refuses_with=407) as proxy:
        http = Http(proxy=Proxy(proxy.url.replace("http://", "http://s3cret:s3cret@")))
        assert "far.example, through the proxy: it answered 407" == str(failure(http, "https://far.example/s3cret"))
        http.close()
    http = Http(proxy=Proxy("http://s3cret:s3cret@127.0.0.1:1"))
    for scheme in ("http", "https"):
        expected = "far.example, through the proxy: connection refused"
        assert expected == str(failure(http, f"{scheme}://far.example/s3cret"))
    http.close()


def test_versions_of_tls_may_be_bounded(certificate: tuple[Path, Path]) -> None:
    """A far side that speaks only what is not wanted is refused, one that speaks it is not."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    trusted = Tls(ca_file=certificate[0])
    versions = ssl.TLSVersion
    for tls, expected in (
        (replace(trusted, newest=versions.TLSv1_2), "TLSv1.2"),
        (replace(trusted, oldest=versions.TLSv1_3), "TLSv1.3"),
    ):
        spoken: list[str | None] = []
        with over_tls(certificate, iter([head]), 0, spoken) as url:
            http = Http(tls=tls)
            assert "ok" == http.post(url.replace("http:", "https:"), data=b"{}", deadline_seconds=5).text
            http.close()
        assert [expected] == spoken


def test_says_who_it_is_with_each_request(server: HttpServer) -> None:
    """The identity is asked anew each time, goes along, and the answer says what of it must not be told."""
    tokens = iter(("one", "two"))

    def identity() -> Identity:
        token = next(tokens, "")
        if not token:
            raise OutboundError("no token is left")
        return Identity({"Authorization": f"Bearer {token}", "X": "identity"}, (token,))

    http = Http(identity=identity)
    answers = [http.post(server.url, headers={"X": "request"}, deadline_seconds=5) for _ in range(2)]
    with pytest.raises(OutboundError, match="no token is left"):
        http.get(server.url, deadline_seconds=5)
    http.close()
    assert [("one",), ("two",)] == [each.secrets for each in answers]
    assert "one" not in repr(answers)
    sent = [(each.headers["Authorization"], each.headers["X"]) for each in server.requests]
    assert [("Bearer one", "request"), ("Bearer two", "request")] == sent
