"""A real PostgreSQL on loopback."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import psycopg

from tests.far_sides import process

# The signals of its three ways to end. https://www.postgresql.org/docs/current/server-shutdown.html
_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}


def _program(name: str) -> str:
    # Debian keeps the server's programs off the PATH, in a folder for each version.
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else name


def require() -> None:
    """Skips the test loudly when there is no PostgreSQL, or fails it where CI=true."""
    process.require(_program("initdb"))


class PostgreSQL:
    """A PostgreSQL with databases that tests have to themselves; whoever connects from loopback is trusted.

    Args:
        fsync: Whether it waits for the disk, which only tests of a loss of power are about.
        settings: Of its configuration.
    """

    def __init__(self, fsync: bool = False, **settings: str) -> None:
        """Starts nothing yet."""
        self.port = process.free_port()
        self._settings = {"fsync": "on" if fsync else "off", "listen_addresses": "127.0.0.1"} | settings
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None
        # It refuses to run as root.
        self._user: dict[str, Any] = {}
        if os.getuid() == 0:
            names = {each.pw_name for each in pwd.getpwall()}
            user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            self._user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def __enter__(self) -> Self:
        require()
        # Not in pytest's folder, which is root's alone, and of a short name, for sockets' may have 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="alert-manager-pg-"))
        if self._user:
            os.chown(self._folder, self._user["user"], self._user["group"])
        try:
            options = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale"]
            command = [_program("initdb"), *options, f"--pgdata={self._folder / 'data'}"]
            subprocess.run(command, cwd=self._folder, check=True, capture_output=True, timeout=60, **self._user)
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop("immediate")
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Starts it, on the data that it has, and waits until it answers."""
        settings = {"port": str(self.port), "unix_socket_directories": str(self._folder)} | self._settings
        command = [_program("postgres"), "-D", str(self._folder / "data")]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        deadline = time.monotonic() + process.START_SECONDS
        while True:
            if self._process is None or self._process.poll() is not None:
                # Again, for the children of one that was killed end a little after it, and it waits for none.
                with (self._folder / "log.txt").open("ab") as log:
                    self._process = subprocess.Popen(
                        command, cwd=self._folder, stdout=log, stderr=log, start_new_session=True, **self._user
                    )
            with suppress(psycopg.OperationalError):
                self.execute("SELECT 1")
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL is not ready; the end of its log:\n{self.log[-2000:]}")
            time.sleep(0.05)

    def stop(self, mode: Literal["fast", "immediate", "kill"] = "fast") -> None:
        """Ends it: "fast" breaks off what is being done, "immediate" is as a crash, "kill" is one."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(_SIGNALS[mode])
        try:
            self._process.wait(process.END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(process.END_SECONDS)
        self._process = None

    def restart(self, mode: Literal["fast", "immediate", "kill"] = "fast") -> None:
        """Ends it and starts it again."""
        self.stop(mode)
        self.start()

    @property
    def log(self) -> str:
        """All that it wrote."""
        return (self._folder / "log.txt").read_text(errors="replace")

    def url(self, name: str = "postgres") -> str:
        """Returns a database's URL."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: Any, name: str = "postgres") -> list[Any]:
        """Runs one statement past the service and returns its rows."""
        with psycopg.connect(self.url(name), autocommit=True, connect_timeout=2) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self) -> Iterator[str]:
        """Makes an empty database for the length of the block; returns its URL."""
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")
