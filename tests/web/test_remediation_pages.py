"""`/remediations`: what people see of remediations, and what they may click."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from outbox.store import Store
from tests.pipeline.remedy_world import OPEN
from tests.samples import model_alert
from tests.web.remedies import CHANGE, application, approved_by, asked, changed, kept, office
from web.forms import FIELD, Forms
from web.logins import token_name

WHO = token_name("token-of-operators-1")
RULE = OPEN.replace("settle: 1s", f"settle: 1s, approval: page, approvers: [jane, '{WHO}']")
HOSTILE = "<script>alert(1)</script>\"'><b>\u202e\x07"

Make = Callable[..., FlaskClient]


@pytest.fixture
def make(tmp_path: Path, store: Store) -> Make:
    """Makes what asks the application."""

    def made(rule: str = RULE, *, signs: bool = True) -> FlaskClient:
        return application(office(tmp_path, store, rule, signs=signs)).test_client()

    return made


@pytest.fixture
def client(make: Make) -> FlaskClient:
    """With a rule that the token may approve."""
    return make()


def words(html: str) -> str:
    """Returns what a reader sees of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def form_token(html: str) -> str:
    """Returns what the page's forms bring back."""
    found = re.search(rf'name="{FIELD}" value="([0-9a-f]{{64}})"', html)
    assert found is not None
    return found[1]


def test_shows_what_waits_first(client: FlaskClient, engine: Engine) -> None:
    """With who may approve it; what there was besides follows, each with what it came to."""
    kept(engine, 1)
    kept(engine, 2, state="done", result="not_fixed", detail="the alert still fires")
    page = client.get("/remediations")
    seen = words(page.text)
    assert 200 == page.status_code
    assert seen.index("1 waits for approval") < seen.index("What else there was") < seen.index("not fixed")
    assert f"To be approved here by jane, {WHO}. Expires in 1" in seen
    assert "deployment shop/cart" in seen
    assert "the alert still fires" in seen
    assert ("same-origin", "no-store") == (page.headers["Referrer-Policy"], page.headers["Cache-Control"])
    assert "<script" not in page.text
    assert "<button" not in page.text
    assert "Log in to switch it" in seen


def test_tells_the_whole_story(client: FlaskClient, engine: Engine) -> None:
    """Of one: what it is about, what was before, what each guard said, what happened."""
    token = kept(engine)
    changed(engine, token, approved_by="Jane (jane)", performed='{"detail": "patched", "after": {"replicas": 5}}')
    seen = words(client.get("/remediations/1").text)
    for each in (
        "restart deployment shop/cart",
        "replicas before 3",
        "replicas after 5",
        "what was said patched",
        "passed namespaces: shop",
        "stopped cooldown: touched a minute ago (until 2026-",
        "asked for approval",
        "decided by Jane (jane)",
    ):
        assert each in seen
    assert 404 == client.get("/remediations/2").status_code
    assert 404 == client.get(f"/remediations/{'9' * 30}").status_code


@pytest.mark.parametrize(("verb", "state"), [("approve", "considered"), ("decline", "done")])
def test_buttons_work(client: FlaskClient, engine: Engine, store: Store, verb: str, state: str) -> None:
    """For one of the approvers, with what the page gave them; once."""
    token = kept(engine)
    page = client.get("/remediations", headers=CHANGE)
    assert f'action="/remediations/1/{verb}"' in page.text
    form = {FIELD: form_token(page.text), "question": asked(engine, token).partition(":")[2]}
    assert f'name="question" value="{form["question"]}"' in page.text
    older = client.post(f"/remediations/1/{verb}", data={**form, "question": "0" * 16}, headers=CHANGE)
    assert (409, None) == (older.status_code, approved_by(engine, token))
    assert "Not done. It was asked anew since then" in words(older.text)
    done = client.post(f"/remediations/1/{verb}", data=form, headers=CHANGE)
    assert (303, "/remediations/1") == (done.status_code, done.headers["Location"])
    found = store.remediations.by_token(token)
    assert found is not None
    assert (state, WHO) == (found.state, found.approved_by)
    again = client.post(f"/remediations/1/{verb}", data=form, headers=CHANGE)
    assert 409 == again.status_code
    assert "Not done. It does not wait for approval any more" in words(again.text)


@pytest.mark.parametrize("rule", [OPEN, OPEN.replace("settle: 1s", "settle: 1s, approval: page, approvers: [jane]")])
def test_shows_buttons_to_who_may(make: Make, engine: Engine, rule: str) -> None:
    """Else it says who may; what is posted all the same is refused in words."""
    token = kept(engine)
    client = make(rule)
    page = client.get("/remediations", headers=CHANGE)
    assert "/approve" not in page.text
    refused = client.post("/remediations/1/approve", data={FIELD: form_token(page.text)}, headers=CHANGE)
    assert 409 == refused.status_code
    assert approved_by(engine, token) is None


@pytest.mark.parametrize("path", ["/remediations/1/approve", "/remediations/switch"])
def test_believes_no_other_form(client: FlaskClient, engine: Engine, store: Store, path: str) -> None:
    """One without what this person was shown, or of another page, or too long; nor who is not logged in."""
    token = kept(engine)
    good = {FIELD: form_token(client.get("/remediations", headers=CHANGE).text), "on": "false"}
    of_another = Forms(b"k" * 32).token("joe", datetime.now(UTC))
    assert 401 == client.post(path, data=good).status_code
    for form in ({"on": "false"}, {**good, FIELD: ""}, {**good, FIELD: of_another}, {**good, FIELD: "é"}):
        refused = client.post(path, data=form, headers=CHANGE)
        assert 403 == refused.status_code
        assert "That form was not shown to you" in words(refused.text)
    assert 403 == client.post(path, data={**good, "more": "x" * 2_000}, headers=CHANGE).status_code
    assert 403 == client.post(path, data=good, headers={**CHANGE, "Sec-Fetch-Site": "cross-site"}).status_code
    assert (None, True) == (approved_by(engine, token), store.remediations.switch().on)


def test_the_switch(client: FlaskClient, store: Store) -> None:
    """Says how it stands, and who did it."""
    page = client.get("/remediations", headers=CHANGE)
    assert "Remediation is on." in words(page.text)
    form = {FIELD: form_token(page.text), "on": "false"}
    assert 400 == client.post("/remediations/switch", data={**form, "on": "x"}, headers=CHANGE).status_code
    assert 303 == client.post("/remediations/switch", data=form, headers=CHANGE).status_code
    assert not store.remediations.switch().on
    page = client.get("/remediations", headers=CHANGE)
    assert f"Remediation is off. Nothing is done about alerts, by any rule. Switched off by {WHO}" in words(page.text)
    assert 303 == client.post("/remediations/switch", data={**form, "on": "true"}, headers=CHANGE).status_code
    assert store.remediations.switch().on


def test_logs_in(client: FlaskClient) -> None:
    """By what the browser asks for; whoever comes from elsewhere may."""
    assert 401 == client.get("/login").status_code
    done = client.get("/login", headers={**CHANGE, "Sec-Fetch-Site": "cross-site"})
    assert (303, "/remediations") == (done.status_code, done.headers["Location"])
    assert f"as {WHO}" in words(client.get("/remediations", headers=CHANGE).text)


def test_has_no_buttons_without_a_key(make: Make) -> None:
    """That all processes share: it says so."""
    page = make(signs=False).get("/remediations", headers=CHANGE)
    assert "No buttons here: web.charts_key is not set" in words(page.text)
    assert "<button" not in page.text
    assert not Forms(None).is_good("", "jane", datetime.now(UTC))


def test_a_form_is_good_for_a_day() -> None:
    """And the one after; for its person, by its key."""
    now = datetime.now(UTC)
    token = Forms(b"k").token("jane", now)
    assert [True, True, False] == [Forms(b"k").is_good(token, "jane", now + timedelta(days=days)) for days in range(3)]
    assert not Forms(b"k").is_good(token, "joe", now)
    assert not Forms(b"l").is_good(token, "jane", now)


def test_hostile_text_is_text(client: FlaskClient, engine: Engine) -> None:
    """Whatever a label, a rule or a step holds."""
    alert = model_alert(alertname=HOSTILE, deployment=HOSTILE * 1_000)
    kept(engine, 1, alert, rule=HOSTILE, detail=HOSTILE * 100, approved_by=HOSTILE)
    kept(engine, 2, state="done", result="refused", rule=HOSTILE, detail=HOSTILE * 100, approved_by=HOSTILE)
    for path in ("/remediations", "/remediations/1"):
        page = client.get(path).text
        assert "<script" not in page
        assert "<b>" not in page
        assert "alert(1)" in page
        assert len(page) < 30_000


def test_pages(client: FlaskClient, engine: Engine) -> None:
    """Fifty at once, and a link to the older ones; what waits is on the first page in any case."""
    kept(engine, 1)
    for number in range(2, 54):
        kept(engine, number, state="done", result="fixed")
    first = client.get("/remediations").text
    assert ("1 waits for approval" in words(first), 50) == (True, first.count(">fixed<"))
    (older,) = re.findall(r'href="(/remediations\?before=\d+)"', first)
    assert 2 == client.get(older).text.count(">fixed<")


def test_says_that_the_storage_fails(client: FlaskClient, engine: Engine) -> None:
    """On each page."""
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE remediations"))
    for path in ("/remediations", "/remediations/1"):
        page = client.get(path)
        assert 503 == page.status_code
        assert "The storage does not answer." in words(page.text)


def test_is_led_to(client: FlaskClient, engine: Engine) -> None:
    """From the page of what fires, with how many wait."""
    assert "Remediations" in words(client.get("/").text)
    kept(engine)
    assert "Remediations ( 1 to approve)" in words(client.get("/").text)
