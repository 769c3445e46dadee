"""docs/remediation.md on hooks: its receiver takes what is sent here, its template is one, its examples load."""

import re
import runpy
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

import building
from actions._hook_template import read_template
from actions._remedy import Remedy
from alerts.remediation import NotPerformed, Performed, Ready
from outbound import Http
from tests.actions.hooks import SECRET, TOKEN, made, nowhere, proposed, stuck

TEXT = (Path(__file__).parents[2] / "docs" / "remediation.md").read_text(encoding="utf-8").partition("## Hooks")[2]
(RECEIVER,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
RULES = [each for each in EXAMPLES if "hook_configs" in each]
(TEMPLATE,) = (each for each in EXAMPLES if "kind: Job\n" in each)


@contextmanager
def receiver(folder: Path, acts: Any = None) -> Iterator[str]:
    """Runs the page's receiver, with something else to be done if that is given, and yields its URL."""
    file = folder / "receiver.py"
    file.write_text(RECEIVER)
    module = runpy.run_path(str(file))
    if acts is not None:
        module["work"].__globals__["act"] = acts
    module["Receiver"].log_message = lambda *_: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), module["Receiver"])
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a receiver keeps what it has heard, and knows the secret."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("HOOK_DATABASE", str(tmp_path / "hooks.db"))
    return tmp_path


def rule(url: str, http: Http, secret: str = SECRET) -> Remedy:
    """Returns a rule that calls it."""
    settings = {"url": f"{url}/hooks", "secret": secret, "status_url": f"{url}/hooks/{{{{ token }}}}"}
    with nowhere() as cluster:
        return made(settings, http, cluster)


def ended(action: Remedy) -> Ready:
    """Returns how it went, once that is known."""
    for _ in range(200):
        ready = action.ready(proposed(action), Performed("", {"token": TOKEN}), 5)
        if ready.ready is not None:
            return ready
        time.sleep(0.05)
    raise AssertionError("the receiver's work does not end")


def test_the_receiver_does_it_once(folder: Path, http: Http) -> None:
    """However often it is called, with a restart in between; it knows a token, and knows it of no other."""
    heard: list[Mapping[str, Any]] = []

    def act(hook: Mapping[str, Any]) -> str:
        heard.append(hook)
        return f"dealt with {hook['target']['name']}"

    for _ in range(2):
        with receiver(folder, act) as url:
            action = rule(url, http)
            assert (action.happened(proposed(action), TOKEN, 5) is None) == (not heard)
            assert action.happened(proposed(action), "r1", 5) is None
            for _ in range(2):
                assert action.perform(proposed(action), stuck(), TOKEN, 5).detail.startswith("status 202: ")
            assert Ready(True, "the hook says that it is done: dealt with cart-1") == ended(action)
    assert [TOKEN] == [each["token"] for each in heard]


def test_the_receiver_says_what_failed(folder: Path, http: Http) -> None:
    """And goes on."""

    def act(hook: Mapping[str, Any]) -> str:
        raise RuntimeError("no such queue")

    with receiver(folder, act) as url:
        action = rule(url, http)
        action.perform(proposed(action), stuck(), TOKEN, 5)
        assert Ready(False, "the hook has failed: no such queue") == ended(action)


def test_the_receiver_hears_nobody_else(folder: Path, http: Http) -> None:
    """Neither with another secret, nor with what was signed long ago or is not signed at all."""
    with receiver(folder) as url:
        action = rule(url, http, "another-and-long-enough")
        with pytest.raises(NotPerformed, match="status 403") as raised:
            action.perform(proposed(action), stuck(), TOKEN, 5)
        assert not raised.value.in_doubt
        with pytest.raises(NotPerformed, match="status 403"):
            action.happened(proposed(action), TOKEN, 5)
        for headers in ({}, {"X-Alert-Manager-Timestamp": "1", "X-Alert-Manager-Signature": "v1=é"}):
            assert 403 == http.post(f"{url}/hooks", data=b"{}", headers=headers, deadline_seconds=5).status


def test_the_template_is_one(tmp_path: Path) -> None:
    """And runs once."""
    (tmp_path / "unstick.yaml").write_text(TEMPLATE)
    template = read_template(tmp_path / "unstick.yaml")
    assert ("unstick", "automation", []) == (template.name, template.namespace, list(template.doubts()))


@pytest.mark.parametrize("example", RULES)
def test_examples_load(tmp_path: Path, example: str) -> None:
    """With nothing wrong but what only the reader has."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "unstick.yaml").write_text(TEMPLATE)
    file = tmp_path / "f.yml"
    told_first = "route: {receiver: chat, routes: [{receiver: fix, continue: true}]}"
    file.write_text(f"{told_first}\n{example}\n- {{name: chat, log_configs: [{{}}]}}\n")
    told = building.configure({}, file).warnings
    assert [] == [each for each in told if not each.endswith("it is read when it is used")]


def test_all_examples_are_looked_at() -> None:
    """Two rules, a Job, and what RBAC is to allow."""
    kinds = [each["kind"] for text in EXAMPLES for each in yaml.safe_load_all(text) if "kind" in each]
    assert (2, ["Job", "Role", "RoleBinding"]) == (len(RULES), kinds)
