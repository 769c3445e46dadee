"""The whole service as a user starts it: `python app.py serve`, in a folder and an environment of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import requests

from tests.far_sides.process import free_port, running

ROOT = Path(__file__).parent.parent
Found = TypeVar("Found")


def eventually(look: Callable[[], Found], what: str, timeout_seconds: float = 5.0) -> Found:
    """Looks every 20 ms until something true is found and returns it; AssertionError if not."""
    deadline = time.monotonic() + timeout_seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_seconds} s: {what}")
        time.sleep(0.02)
    return found


class Service:
    """A service between `with` and its end; within it can be killed or stopped, and started again on the same file.

    Args:
        folder: A temporary one, for the database, the log and the configuration.
        environment: Added to the few variables that it gets.
        config_yaml: What its CONFIG_FILE says; the shipped default when empty.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None, config_yaml: str = "") -> None:
        """Starts nothing yet."""
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.database = folder / "alert-manager.db"
        self.log_path = folder / "log.txt"
        self.session = requests.Session()
        self.session.trust_env = False
        self._config = folder / "config.yaml"
        self._earlier_logs: list[str] = []
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PORT": str(port),
            "LISTEN_ADDRESS": "127.0.0.1",
            "DATABASE_URL": f"sqlite:///{self.database}",
        }
        if config_yaml:
            self._config.write_text(config_yaml)
            self.environment["CONFIG_FILE"] = str(self._config)
        self.environment |= environment or {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.close()
        # At once, for its graceful end is what only some tests are about, and takes seconds.
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def pid(self) -> int:
        """The process id of gunicorn's master, which leads a session of its own."""
        assert self._process is not None, "it was not started"
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether gunicorn's master has ended, as it should only when it was told to."""
        return self._process is None or self._process.poll() is not None

    @property
    def worker_pids(self) -> list[int]:
        """The process ids of its workers that live."""
        booted = map(int, re.findall(r"Booting worker with pid: (\d+)", self.log_path.read_text()))
        return [pid for pid in booted if _lives(pid)]

    @property
    def log(self) -> str:
        """All that it wrote since it was first started."""
        now = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "".join([*self._earlier_logs, now])

    def start(self) -> None:
        """Starts it and waits until all of its workers are ready."""
        if self.log_path.exists():
            self._earlier_logs.append(self.log_path.read_text(errors="replace"))
        command = [sys.executable, str(ROOT / "app.py"), "serve"]
        ready_url = f"{self.url}/readyz"
        self._process = self._running.enter_context(
            running(command, ready_url, self.log_path, self.environment, self.log_path.parent)
        )
        # One worker answers; a signal that came while another still boots would be lost on that one.
        wanted = int(self.environment.get("WEB_CONCURRENCY", "2"))
        eventually(lambda: len([pid for pid in self.worker_pids if _has_begun(pid)]) == wanted, "all workers", 15)

    def kill(self) -> None:
        """Ends the master and all workers at once, as a loss of power would."""
        os.killpg(self.pid, signal.SIGKILL)
        self._running.close()

    def stop(self, timeout_seconds: float = 30.0) -> int:
        """Asks it to end, as Kubernetes and Docker do, and returns its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait(timeout_seconds)

    def wait(self, timeout_seconds: float) -> int:
        """Waits for its end and returns its exit code."""
        assert self._process is not None, "it was not started"
        code = self._process.wait(timeout_seconds)
        self._running.close()
        return code

    def post(self, body: Any, query: str = "") -> requests.Response:
        """Posts bytes as they are, or anything else as JSON, to /alert."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return self.session.post(f"{self.url}/alert{query}", data=data, headers=headers, timeout=30)

    def get(self, path: str) -> requests.Response:
        """Asks for a path."""
        return self.session.get(f"{self.url}{path}", timeout=30)

    def event(self, event_id: int) -> Any:
        """Returns what the API says of an event."""
        response = self.get(f"/api/v1/events/{event_id}")
        assert 200 == response.status_code, response.text
        return response.json()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _has_begun(pid: int) -> bool:
    """Whether a worker's two threads run; true where /proc does not tell."""
    tasks = Path(f"/proc/{pid}/task")
    return len(list(tasks.iterdir())) >= 3 if tasks.exists() else not Path("/proc/self").exists()
