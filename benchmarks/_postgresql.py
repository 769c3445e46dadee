"""A PostgreSQL of Debian's on loopback, as safe as one is by itself: it waits for the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.far_sides.process import free_port, require


class PostgreSQL:
    """One between `with` and its end; whoever connects from loopback is trusted."""

    def __init__(self) -> None:
        """Starts nothing yet."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self._programs = found[-1] if found else Path()
        self._folder = Path()
        self.port = free_port()

    def __enter__(self) -> Self:
        require(str(self._programs / "initdb"))
        # Of a short name, for sockets' may have 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="bench-pg-"))
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", *self._data)
        self._run("pg_ctl", "start", "-w", *self._data, "-l", str(self._folder / "log.txt"), "-o", options)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("pg_ctl", "stop", "-m", "immediate", *self._data)
        shutil.rmtree(self._folder)

    def new_database(self, name: str) -> str:
        """Makes an empty database and returns its URL."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    @property
    def _data(self) -> tuple[str, str]:
        return "-D", str(self._folder / "data")

    def _run(self, program: str, *rest: str) -> None:
        # It refuses to run as root.
        user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        command = [*user, str(self._programs / program), *rest]
        subprocess.run(command, cwd=self._folder, stdout=subprocess.DEVNULL, check=True, timeout=60)
