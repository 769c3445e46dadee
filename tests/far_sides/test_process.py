"""Processes are waited for, told of when they fail, and ended with their children."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.far_sides import process

SERVER = """
import os, sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
child = os.fork()
print("child", child or os.getpid(), flush=True)
if not child:
    import signal
    signal.pause()
HTTPServer(("127.0.0.1", int(sys.argv[1])), SimpleHTTPRequestHandler).serve_forever()
"""


def test_free_ports_are_free_and_stay_reserved() -> None:
    """A free port can be bound by a server that reuses addresses, and two are never the same."""
    ports = [process.free_port() for _ in range(50)]
    assert 50 == len(set(ports))
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", ports[0]))
        server.listen()


def test_runs_a_process_until_the_end_of_the_block(tmp_path: Path) -> None:
    """A process is ready inside the block, and gone with its children after it."""
    port = process.free_port()
    command = [sys.executable, "-c", SERVER, str(port)]
    url = f"http://127.0.0.1:{port}/"
    with process.running(command, url, tmp_path / "log.txt", folder=tmp_path) as server:
        assert 200 == requests.get(url, timeout=5).status_code
        child = int((tmp_path / "log.txt").read_text().split()[1])
        os.kill(child, 0)
    assert -signal.SIGTERM == server.returncode
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)
    assert _ends_within(child, seconds=2)


def test_tells_the_log_of_a_process_that_ended(tmp_path: Path) -> None:
    """A process that ends before it is ready fails the test with the end of its log."""
    command = [sys.executable, "-c", "import sys; sys.exit('bad configuration')"]
    with (
        pytest.raises(AssertionError, match=r"ended with 1; the end of its log:\n +bad configuration"),
        process.running(command, "http://127.0.0.1:1/", tmp_path / "log.txt"),
    ):
        pass


def test_a_missing_server_skips_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing program skips with the name of the script that installs it."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"NOT TESTED: .*scripts/install-test-servers\.sh"):
        process.require("no-such-program")


def test_a_missing_server_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing program fails where CI=true."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"scripts/install-test-servers\.sh"):
        process.require("no-such-program")


def _ends_within(process_id: int, seconds: float) -> bool:
    """Tells whether a killed process is gone soon; kill() returns when the signal is sent, not heeded."""
    deadline = time.monotonic() + seconds
    while _is_running(process_id) and time.monotonic() < deadline:
        time.sleep(0.005)
    return not _is_running(process_id)


def _is_running(process_id: int) -> bool:
    """Tells whether a process runs; one that nobody waited for yet does not."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
