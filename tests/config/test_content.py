"""Whether what files hold is another thing than before, however it came there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from config.content import MOST_BYTES, look


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with something in it."""
    path = tmp_path / "config.yaml"
    path.write_text("one")
    return path


def rewrite(file: Path) -> None:
    """Another content of the same length, with the times of the one before."""
    before = file.stat()
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(file: Path) -> None:
    """Another file in its place, as editors and configuration managers do."""
    other = file.with_name("other")
    other.write_text("two")
    other.rename(file)


def delete(file: Path) -> None:
    """No file."""
    file.unlink()


def become_a_folder(file: Path) -> None:
    """A folder, as a wrong mount makes it."""
    file.unlink()
    file.mkdir()


def grow(file: Path) -> None:
    """A file that is longer than any that is read."""
    with file.open("r+b") as opened:
        opened.truncate(100 * 1024 * 1024)


@pytest.mark.parametrize("change", [rewrite, replace, delete, become_a_folder, grow])
def test_sees_a_change(file: Path, change: Callable[[Path], None]) -> None:
    """Whatever happened to the file, it is another now; and it is seen once."""
    before = look([file])
    change(file)
    after = look([file], before)
    assert not after.same_as(before)
    assert after is look([file], after)


def test_sees_a_configmap_swapped(tmp_path: Path) -> None:
    """The kubelet points `..data` to another folder; the file's own link stays as it was."""
    for name, text in (("..first", "one"), ("..second", "two"), ("..third", "two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(text)
    file = tmp_path / "config.yaml"
    file.symlink_to("..data/config.yaml")

    def swap(name: str) -> None:
        (tmp_path / "..data_tmp").symlink_to(name)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    swap("..first")
    first = look([file])
    swap("..second")
    second = look([file], first)
    assert not second.same_as(first)
    swap("..third")
    assert look([file], second).same_as(second)


def test_what_is_only_touched_is_the_same(file: Path) -> None:
    """Another time alone is no reason to load it."""
    before = look([file])
    os.utime(file, ns=(0, 0))
    after = look([file], before)
    assert before.states != after.states
    assert after.same_as(before)


def test_looks_at_all_of_them(tmp_path: Path, file: Path) -> None:
    """Any of several makes a difference, one that comes to be, too; what stood in one is not taken for another's."""
    other = tmp_path / "other"
    before = look([file, other])
    other.write_text("one")
    both = look([file, other], before)
    assert not both.same_as(before)
    file.write_text("oneo")
    other.write_text("ne")
    moved = look([file, other], both)
    file.write_text("one")
    other.write_text("one")
    assert not moved.same_as(look([file, other], moved))


def test_waits_for_no_pipe(tmp_path: Path) -> None:
    """A pipe is not read, for nobody may write to it; it is said to be no file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert f"{pipe}: is no file" == look([pipe]).unfit
    assert "" == look([tmp_path, tmp_path / "away"]).unfit


def test_a_long_file_is_known_by_its_size_and_time(file: Path) -> None:
    """It is not read; that it was written again is seen."""
    grow(file)
    before = look([file])
    with file.open("r+b") as opened:
        opened.write(b"x")
    assert not look([file], before).same_as(before)
    assert file.stat().st_size > MOST_BYTES
