"""`/charts/<token>`: what is drawn of a real Prometheus, who may have it, and what is said where there is none."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

import enrich
from alerts.findings import Reading
from alerts.picture import Picture
from outbound import Http
from outbox.store import Store
from pipeline import NoPicture, Pictures, Signer
from tests.far_sides import trouble
from tests.far_sides.exporter import Exporter
from tests.far_sides.prometheus import Prometheus
from tests.pipeline.parts import application, make_pipeline
from tests.samples import model_alert
from tests.web.test_ui import heard, shown, words

SIGNER = Signer(b"k" * 64, timedelta(days=30))
POD = model_alert("Crash", namespace="shop", pod="cart-1", container="app")
READING = Reading("memory", "memory", 220.0, "bytes", datetime.now(UTC), "sum(up)", limit=256.0, drawn=True)
NO_SUCH = {"status": "error", "error": "there is no such picture"}

Asked = Callable[[str], FlaskClient]


@pytest.fixture
def asking(tmp_path: Path, store: Store) -> Asked:
    """Makes a client of a service that asks the Prometheus at a URL."""

    def make(url: str) -> FlaskClient:
        server = enrich.Prometheus(url, Http())
        pictures = Pictures([server], SIGNER, "https://alerts.example")
        pipeline = make_pipeline(tmp_path, store, {}, prometheus=server, pictures=pictures)
        return application(pipeline).test_client()

    return make


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A real one, with the memory of a pod."""
    with Exporter() as exporter, Prometheus(tmp_path_factory.mktemp("charts"), [exporter.url]) as server:
        exporter.add_pod("shop", "cart-1", "app", memory_bytes=220, memory_limit_bytes=256)
        server.wait_until("container_memory_working_set_bytes", bool, 20)
        yield server


def token(reading: Reading = READING, signer: Signer = SIGNER, **changed: Any) -> str:
    """Returns the token of a reading's picture, or of another one."""
    given = Picture("", "memory", "shop/cart-1", reading.query, "bytes", reading.at, reading.at, "220 B", limit=256.0)
    return signer.token(replace(given, **changed))


def test_draws_what_a_real_prometheus_has(asking: Asked, prometheus: Prometheus) -> None:
    """As an SVG for the page and a PNG for messages, which may be kept by who asked for them and no others."""
    query = 'container_memory_working_set_bytes{pod="cart-1",container="app"}'
    client, ours = asking(prometheus.url), token(query=query, at=datetime.now(UTC))
    svg, png = client.get(f"/charts/{ours}.svg"), client.get(f"/charts/{ours}.png")
    assert (200, "image/svg+xml") == (svg.status_code, svg.content_type)
    assert (200, "image/png") == (png.status_code, png.content_type)
    assert png.data.startswith(b"\x89PNG")
    assert "{http://www.w3.org/2000/svg}svg" == ElementTree.fromstring(svg.data).tag
    assert "<!-- 220 B -->" in svg.text
    for each in (svg, png):
        assert "nosniff" == each.headers["X-Content-Type-Options"]
        assert "private, max-age=86400, immutable" == each.headers["Cache-Control"]
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; sandbox"
    assert policy == svg.headers["Content-Security-Policy"]
    assert svg.data == client.get(f"/charts/{ours}.svg").data


def test_says_that_there_is_no_data(asking: Asked, prometheus: Prometheus) -> None:
    """A pod that Prometheus does not know any more has an empty picture."""
    drawn = asking(prometheus.url).get(f"/charts/{token(query='gone')}.svg")
    assert 200 == drawn.status_code
    assert "<!-- no data -->" in drawn.text
    # There may be something the next time.
    assert "no-store" == drawn.headers["Cache-Control"]


def test_is_kept_by_browsers_no_longer_than_it_is_good(asking: Asked, prometheus: Prometheus) -> None:
    """The token's end is the picture's."""
    old = datetime.now(UTC) - timedelta(days=30) + timedelta(seconds=100)
    drawn = asking(prometheus.url).get(f"/charts/{token(query='vector(1)', at=old)}.png")
    found = re.fullmatch(r"private, max-age=(\d+), immutable", drawn.headers["Cache-Control"])
    assert found is not None
    assert 80 <= int(found[1]) <= 100


@pytest.mark.parametrize(
    "path",
    [
        "x.svg",
        f"{token()}x.png",
        f"{token()[:-1]}.png",
        f"{token(at=datetime.now(UTC) - timedelta(days=31))}.png",
        f"{token(signer=Signer(b'another' * 9, timedelta(days=30)))}.svg",
        f"{'A' * 3_000}.svg",
        "%00.svg",
        "é.png",
        ".png",
    ],
    ids=["nonsense", "longer", "shorter", "expired", "another key's", "long", "NUL", "letters", "nothing"],
)
def test_nobody_is_told_why_a_token_is_none(asking: Asked, path: str) -> None:
    """Whatever is wrong with it, it is the same answer, and nothing is asked."""
    with trouble.hanging() as url:
        answer = asking(url).get(f"/charts/{path}")
    assert (404, NO_SUCH) == (answer.status_code, answer.json if path != ".png" else NO_SUCH)


@pytest.mark.parametrize("path", [f"/charts/{token()}", f"/charts/{token()}.gif", f"/charts/{token()}.svg/x"])
def test_there_are_two_forms(asking: Asked, path: str) -> None:
    """Anything else is not there."""
    with trouble.refusing() as url:
        assert 404 == asking(url).get(path).status_code


@pytest.mark.parametrize(
    ("far_side", "expected"),
    [
        (trouble.hanging, "timed out after 0.3s"),
        (trouble.refusing, "connection refused"),
        (trouble.nonsense, "is not its API's"),
        (trouble.unavailable, "answered with status 503"),
        (trouble.dripping_body, "timed out after 0.3s"),
        (trouble.closing, "no usable answer"),
    ],
)
def test_says_why_prometheus_cannot_be_asked(
    asking: Asked, monkeypatch: pytest.MonkeyPatch, far_side: Any, expected: str
) -> None:
    """In time, with the reason, and when to ask again."""
    monkeypatch.setattr("web.charts._ASK_SECONDS", 0.3)
    serving: AbstractContextManager[str] = far_side()
    with serving as url:
        before = time.monotonic()
        answer = asking(url).get(f"/charts/{token()}.svg")
        assert time.monotonic() - before < 1
    assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
    assert answer.json is not None
    assert re.fullmatch(rf"no picture: Prometheus .*{expected}.*", answer.json["error"])


def test_says_that_a_picture_cannot_be_drawn(asking: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where asking again is of no use, it is not there."""

    def refuses(*_: object) -> bytes:
        raise NoPicture("Prometheus has 3 series for it, and a picture is of one", later=False)

    monkeypatch.setattr(Pictures, "draw", refuses)
    answer = asking("http://prometheus.example").get(f"/charts/{token()}.svg")
    assert (404, None) == (answer.status_code, answer.headers.get("Retry-After"))
    assert answer.json is not None
    assert "no picture: Prometheus has 3 series for it, and a picture is of one" == answer.json["error"]


def test_says_that_matplotlib_is_not_there(asking: Asked, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody asks for a picture, and on the page where there would be one; all else goes on."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    client = asking("http://prometheus.example")
    reason = "matplotlib is not installed (pip install -r requirements-charts.txt)"
    answer = client.get(f"/charts/{token()}.svg")
    assert (501, f"no picture: {reason}") == (answer.status_code, answer.json and answer.json["error"])
    assert "No pictures" not in words(shown(client))
    heard(store, POD, READING)
    page = shown(client)
    assert f"No pictures: {reason}" in words(page)
    assert "/charts/" not in page


def test_the_page_shows_each_reading_that_is_drawn(asking: Asked, store: Store, prometheus: Prometheus) -> None:
    """Loaded when somebody scrolls there, with what it says in words, leading to itself; counts have none."""
    restarts = Reading("restarts", "restarts", 4, "in the last hour", READING.at, "x")
    hostile = replace(READING, name="volume", title='volume "><script>')
    heard(store, POD, READING, restarts, hostile)
    client = asking(prometheus.url)
    page = shown(client)
    images = re.findall(r'<a href="([^"]+)"><img src="([^"]+)" alt="([^"]+)" [^>]*loading="lazy"', page)
    assert 2 == len(images)
    assert '<details class="pictures" open>' in page
    assert "2 pictures" in words(page)
    for link, source, _ in images:
        assert link == source
        assert 200 == client.get(source).status_code
    assert images[0][2].startswith("memory (shop/cart-1 · Crash) over the ")
    assert images[0][2].endswith("220 B of 256 B (86%)")
    assert "<script>" not in page


def test_the_page_unfolds_only_what_matters_most(asking: Asked, store: Store) -> None:
    """The pictures of a few alerts that fire; those of others are there for who wants to see them."""
    for number in range(7):
        heard(store, model_alert("Crash", n=str(number)), READING)
    heard(store, model_alert("Over", "resolved"), READING)
    page = shown(asking("http://prometheus.example"))
    assert (8, 5) == (page.count('<details class="pictures"'), page.count('<details class="pictures" open>'))


def test_the_page_says_why_there_are_no_pictures(tmp_path: Path, store: Store) -> None:
    """Such as that replicas have no key that they share."""
    server = enrich.Prometheus("http://prometheus.example", Http())
    pictures = Pictures([server], reason="web.charts_key is not set")
    pipeline = make_pipeline(tmp_path, store, {}, prometheus=server, pictures=pictures)
    client = application(pipeline).test_client()
    heard(store, POD, READING)
    assert "No pictures: web.charts_key is not set" in words(shown(client))
    assert 404 == client.get(f"/charts/{token()}.svg").status_code
