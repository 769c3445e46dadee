"""`/status`, and another configuration by `POST /-/reload`."""

import html
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from pipeline import Pipeline
from tests.pipeline.parts import TEAM, application
from tests.service import ROOT
from web.status import VERSION

BROKEN = "route: {receiver: '<b>nobody</b>'}\nreceivers: []\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The configuration's file, which has `web.max_body` 64KiB."""
    return tmp_path / "config.yaml"


def status(client: FlaskClient) -> Any:
    """What the API says."""
    response = client.get("/api/v1/status")
    assert 200 == response.status_code
    return response.json


def words(client: FlaskClient) -> str:
    """What a reader sees of the page."""
    response = client.get("/status")
    assert (200, "text/html; charset=utf-8") == (response.status_code, response.content_type)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", response.text.partition("<body>")[2])).split())


def test_says_what_runs(client: FlaskClient, pipeline: Pipeline, file: Path) -> None:
    """The configuration, when it was loaded, and what there is of far sides; on the page and as JSON."""
    document = status(client)
    configuration = document["configuration"]
    assert (str(file), pipeline.configuration.digest) == (configuration["file"], configuration["digest"])
    assert {"successful": True, "error": None, "at": configuration["loaded_at"]} == configuration["last_reload"]
    assert (pipeline.store.kind, ["team/log/0"]) == (document["storage"], document["destinations"])
    assert os.getpid() == document["process"]["id"]
    seen = words(client)
    assert f"configuration {file} digest {pipeline.configuration.digest} loaded " in seen
    assert "last reload successful" in seen
    assert "data sources none looked up nothing destinations team/log/0" in seen


def test_takes_another(client: FlaskClient, file: Path) -> None:
    """The answer says that it holds, with its warnings, and it does: here the longest body that is taken."""
    assert 413 == client.post("/alert", data=b" " * 65_537).status_code
    unused = TEAM.replace("receivers: [", "receivers: [{name: nobody}, ")
    file.write_text(f"web: {{max_body: 128KiB}}\n{unused}")
    response = client.post("/-/reload")
    assert (200, "success") == (response.status_code, (response.json or {})["status"])
    (warning,) = (response.json or {})["warnings"]
    assert "nobody" in warning
    assert 400 == client.post("/alert", data=b" " * 65_537).status_code
    assert [warning] == status(client)["configuration"]["warnings"]
    assert f"1 warning of the configuration that holds: {warning}" in words(client)


def test_says_why_one_is_not_taken(client: FlaskClient, file: Path) -> None:
    """In the answer and in the status, until one is; what stands in the file is shown as text."""
    before = status(client)["configuration"]
    file.write_text(BROKEN)
    response = client.post("/-/reload")
    assert 500 == response.status_code
    answered = response.json or {}
    assert "error" == answered["status"]
    assert answered["error"].startswith(f"failed to reload config: {file}:1:")
    configuration = status(client)["configuration"]
    assert (before["digest"], before["loaded_at"]) == (configuration["digest"], configuration["loaded_at"])
    assert not configuration["last_reload"]["successful"]
    assert answered["error"].endswith(configuration["last_reload"]["error"])
    seen = words(client)
    assert "The configuration was not reloaded. The one before holds." in seen
    assert "no receiver is called '<b>nobody</b>'" in seen
    assert "<b>nobody" not in client.get("/status").text
    file.write_text(TEAM)
    assert 200 == client.post("/-/reload").status_code
    assert "The configuration was not reloaded." not in words(client)


def test_shows_no_secret(client: FlaskClient, file: Path) -> None:
    """Neither of a configuration that holds, nor of one that does not."""
    secret = "s3cret-0123456789"
    slack = f"{{name: chat, slack_configs: [{{api_url: 'https://hooks.example/{secret}'}}]}}"
    prometheus = f"prometheus: {{url: 'http://p.example', headers: {{X-Key: {secret}}}}}\n"
    good = prometheus + TEAM.replace("receivers: [", f"receivers: [{slack}, ")
    for yaml in (good, good.replace("https://", "ftp://"), good + f"\nstorage: {{url: 'postgresql://a:{secret}@b/c'}}"):
        file.write_text(yaml)
        told = [client.post("/-/reload").text, client.get("/status").text, client.get("/api/v1/status").text]
        assert all(secret not in each for each in told)


def test_no_other_site_may_ask(client: FlaskClient, file: Path) -> None:
    """A page in the browser of one who may reach the service cannot; nor does a link, for that would be a GET."""
    file.write_text(BROKEN)
    refused = client.post("/-/reload", headers={"Sec-Fetch-Site": "cross-site"})
    assert (403, "another site may not ask for this") == (refused.status_code, (refused.json or {})["error"])
    assert 405 == client.get("/-/reload").status_code
    assert status(client)["configuration"]["last_reload"]["successful"]
    assert 500 == client.post("/-/reload", headers={"Sec-Fetch-Site": "same-origin"}).status_code


def test_the_others_are_told(pipeline: Pipeline, file: Path) -> None:
    """Whatever came of it here: they are to say the same."""
    told: list[str] = []
    web = application(pipeline)
    web.extensions["reloader"].tell_others = lambda: told.append("told")
    for yaml, code in ((TEAM, 200), (BROKEN, 500)):
        file.write_text(yaml)
        assert code == web.test_client().post("/-/reload").status_code
    assert ["told"] * 2 == told


def test_works_while_the_storage_fails(client: FlaskClient, failing: Any, file: Path) -> None:
    """Neither the page nor another configuration needs it."""
    failing.failures |= dict.fromkeys(("event", "probe", "destinations", "backlog"), 10)
    file.write_text(TEAM)
    assert 200 == client.post("/-/reload").status_code
    assert "last reload successful" in words(client)


def test_the_version_is_the_projects() -> None:
    """An image has no pyproject.toml to look it up in."""
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
