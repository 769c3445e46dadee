"""The service's own log: one line of JSON a record, or lines for people on a terminal."""

import json
import subprocess
import sys

import pytest

from tests.service import ROOT

BEGIN = "import logging, structlog, telemetry; log = structlog.get_logger('accept'); "


def logged(code: str, log_format: str = "json", level: str = "INFO") -> list[str]:
    """The lines on standard error of a process that logs so; none on standard output."""
    program = f"{BEGIN}telemetry.configure_logging({level!r}, {log_format!r})\n{code}"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, timeout=30, check=True)
    assert b"" == ended.stdout
    return ended.stderr.decode().splitlines()


def records(code: str, level: str = "INFO") -> list[dict[str, object]]:
    """The records of a process that logs as JSON."""
    return [json.loads(line) for line in logged(code, level=level)]


def test_each_record_is_one_line_of_json() -> None:
    """Whatever a record holds, it is one line: odd text, an exception, a value that JSON does not know."""
    code = """
log.info("accepted", event_id=7, groups=["a\\nb", "\\u2028", "half a pair \\ud83d", "NUL \\0"], odd={1, }, by=object)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
logging.getLogger("library").warning("said %s", "so\\nand so", extra={"more": 1})
"""
    first, second, third = records(code)
    assert ("accepted", 7, "info", "accept") == tuple(first[key] for key in ("message", "event_id", "level", "logger"))
    assert ["a\nb", "\u2028", "half a pair \ud83d", "NUL \0"] == first["groups"]
    assert str(first["time"]).endswith("Z")
    assert str(second["exception"]).endswith("\nZeroDivisionError")
    assert ("said so\nand so", "warning", "library", 1) == tuple(
        third[key] for key in ("message", "level", "logger", "more")
    )


def test_an_event_is_a_payload_and_not_a_message() -> None:
    """What a line says is its `message`; there is no `event` beside the `event_id`, from us or from libraries."""
    code = "log.info('accepted', event_id=7); logging.getLogger('library').info('x', extra={'event_id': 8})"
    assert [7, 8] == [record["event_id"] for record in records(code)]
    assert all("event" not in record for record in records(code))


def test_what_is_bound_is_in_each_line() -> None:
    """What ties event, group and delivery together is on every line within, a library's too, and not after."""
    code = """
with structlog.contextvars.bound_contextvars(event_id=7, delivery_id=9):
    log.info("a")
    logging.getLogger("library").warning("b")
log.info("c")
"""
    found = [(each["message"], each.get("event_id"), each.get("delivery_id")) for each in records(code)]
    assert [("a", 7, 9), ("b", 7, 9), ("c", None, None)] == found


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_is_written_for_people_on_request(log_format: str) -> None:
    """LOG_FORMAT=console is text with the values behind; without a terminal JSON is what is written."""
    (line,) = logged("log.info('accepted', event_id=7)", log_format)
    if log_format == "json":
        assert 7 == json.loads(line)["event_id"]
    else:
        assert "accepted" in line
        assert "event_id=7" in line.replace("\x1b[0m", "").replace("\x1b[36m", "").replace("\x1b[35m", "")
        assert not line.startswith("{")


def test_is_json_without_a_terminal() -> None:
    """Nothing set and no terminal: JSON."""
    (line,) = logged("log.info('accepted')", "")
    assert "accepted" == json.loads(line)["message"]


@pytest.mark.parametrize(("level", "expected"), [("debug", ["d", "i", "w"]), ("INFO", ["i", "w"]), ("Warning", ["w"])])
def test_keeps_to_the_level(level: str, expected: list[str]) -> None:
    """A level in any letter case leaves out what is less."""
    code = "log.debug('d'); log.info('i'); log.warning('w')"
    assert expected == [record["message"] for record in records(code, level)]


def test_libraries_do_not_tell_urls() -> None:
    """At DEBUG too, what would write whole URLs, with their tokens, is quiet."""
    code = """
for name in ("urllib3.connectionpool", "requests", "sqlalchemy.engine", "alembic.runtime"):
    logging.getLogger(name).debug("https://hooks.example/s3cret")
    logging.getLogger(name).info("https://hooks.example/s3cret")
"""
    assert [] == records(code, "DEBUG")


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_tells_no_librarys_words(log_format: str) -> None:
    """An error's place and kind are told, and its message only where it is of the house's own words."""
    # Put together when it runs: from 3.13 on a traceback shows the lines of such a program, too.
    code = """
from outbox.database import StoreError
secret = "https://hooks.example/s3" + "cret"
try:
    try:
        raise ValueError(secret)
    except ValueError as inner:
        raise StoreError("the disk is full") from inner
except StoreError:
    log.exception("failed")
logging.getLogger("library").error("failed", exc_info=KeyError(secret))
"""
    told = "\n".join(logged(code, log_format))
    assert ["ValueError", "StoreError: the disk is full", "KeyError"] == [
        word for word in ("ValueError", "StoreError: the disk is full", "KeyError", "s3cret") if word in told
    ]


def test_a_log_that_cannot_be_written_harms_nothing() -> None:
    """Standard error may be closed, or its disk full: what was to be done is done."""
    for breaking in ("sys.stderr.close()", "sys.stderr = open('/dev/full', 'w')"):
        logged(f"import os, sys; kept = sys.stderr; {breaking}; log.info('lost'); os._exit(0)")
