"""What files hold, so far that a change is seen: whether one was written, replaced or swapped for another."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_MOST_VALUE_BYTES = 64 * 1024
MOST_BYTES = 8 * 1024 * 1024
"""A file longer than this is none that is meant: it is neither compared nor read."""


def check_file(path: Path) -> None:
    """Look whether a file can be read, as far as one knows without reading it.

    Raises:
        OSError: it cannot, or is no file but what reading would wait for, perhaps for ever.
        ValueError: that is no file's name.
    """
    with _opened(path):
        pass


def read_small(path: Path) -> bytes:
    """Read a file that holds one value.

    Raises:
        OSError: it cannot be read, is no file, or far too long to be meant.
        ValueError: that is no file's name.
    """
    with _opened(path) as file:
        content = file.read(_MOST_VALUE_BYTES + 1)
    if len(content) > _MOST_VALUE_BYTES:
        raise OSError(errno.EFBIG, f"is longer than {_MOST_VALUE_BYTES // 1024} KiB")
    return content


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    # A pipe without a writer is not waited for, and found to be none.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is no file")
        yield file


@dataclass(frozen=True, slots=True)
class Content:
    """What files held when they were looked at.

    Attributes:
        states: of each its path and what the file system says of it, or why it says nothing.
        digest: of what stands in them.
        unfit: which of them is no file, and what else it is; "" when all are files, or not there.
    """

    states: tuple[tuple[object, ...], ...] = ()
    digest: str = ""
    unfit: str = ""

    def same_as(self, other: Content) -> bool:
        """Whether the same stands in them; in files that were only touched it does."""
        return self.digest == other.digest


def look(paths: Iterable[Path], before: Content | None = None) -> Content:
    """Look at files, each where its symbolic links lead now.

    Args:
        before: what was seen the last time; the files are read only if they are others, or written since.
    """
    paths = tuple(paths)
    states = tuple(_state(path) for path in paths)
    if before is not None and before.states == states:
        return before
    digest = hashlib.sha256()
    for path, state in zip(paths, states, strict=True):
        part = _read(path)
        # Of what cannot be read, or is too long to be, what is known of it stands for what is in it.
        digest.update(repr(state).encode(errors="replace") if part is None else hashlib.sha256(part).digest())
    unfit = next((text for path in paths if (text := _unfit(path))), "")
    return Content(states, digest.hexdigest(), unfit)


def _state(path: Path) -> tuple[object, ...]:
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        return (str(path), type(error).__name__, getattr(error, "strerror", None))
    # The change's time, too: who writes can set the modification's back, as `cp -p` does.
    return (str(path), found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _read(path: Path) -> bytes | None:
    try:
        with _opened(path) as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError):
        return None
    return content if len(content) <= MOST_BYTES else None


def _unfit(path: Path) -> str:
    """What reading a pipe or a device would wait for, perhaps for ever."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    return "" if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else f"{path}: is no file"
