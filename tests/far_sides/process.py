"""Processes that tests start: waited for until ready, ended by their id, with the log told when they fail."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

START_SECONDS = 15.0
END_SECONDS = 5.0


def free_port() -> int:
    """Returns a loopback port that the system gives nobody else for the next minute."""
    # A connection that ended leaves the port in TIME_WAIT: it is skipped when any free port is asked for,
    # yet a server with SO_REUSEADDR may bind it. https://github.com/Yelp/ephemeral-port-reserve
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        with socket.create_connection(listener.getsockname()) as client:
            accepted, _ = listener.accept()
            accepted.close()
            client.recv(1)
        return int(listener.getsockname()[1])


def require(program: str) -> None:
    """Skips the test loudly when the program is missing, or fails it where CI=true."""
    if shutil.which(program):
        return
    message = (
        f"NOT TESTED: the real server `{program}` is missing on this machine. "
        "Install it with scripts/install-test-servers.sh and run again."
    )
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@contextmanager
def running(
    command: Sequence[str],
    ready_url: str,
    log_path: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    *,
    ca_file: Path | None = None,
    start_seconds: float = START_SECONDS,
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a command in a session of its own, from when `ready_url` answers 200 to the end of the block.

    Args:
        command: The program and its arguments.
        ready_url: Asked every 50 ms.
        log_path: Where its output goes.
        environment: All its variables; those of this process when None.
        folder: Where it runs; this process's when None.
        ca_file: What its certificate is held against.
        start_seconds: How long it may take to be ready.

    Raises:
        AssertionError: It ended or was not ready in time; the end of its log is told.
    """
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder, start_new_session=True)
    try:
        _wait_until_ready(process, ready_url, log_path, ca_file, start_seconds)
        yield process
    finally:
        _end(process)


def _wait_until_ready(
    process: subprocess.Popen[bytes], ready_url: str, log_path: Path, ca_file: Path | None, start_seconds: float
) -> None:
    deadline = time.monotonic() + start_seconds
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(ca_file) if ca_file else True
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise AssertionError(_failure(f"ended with {process.returncode}", process, log_path))
            with suppress(requests.RequestException):
                if session.get(ready_url, timeout=1).status_code == 200:
                    return
            time.sleep(0.05)
    raise AssertionError(_failure(f"not ready within {start_seconds} s", process, log_path))


def _failure(what: str, process: subprocess.Popen[bytes], log_path: Path) -> str:
    tail = log_path.read_text(errors="replace").splitlines()[-20:]
    return "\n  ".join([f"{process.args!r} {what}; the end of its log:", *tail])


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
    # Its session is its own, so this reaches it and its children only, and none when all have ended.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
