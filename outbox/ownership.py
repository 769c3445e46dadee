"""Ownership: what processes hold has their name, and what is held in the name of the dead is given back.

A name is "host:instance:pid:": the host's, what tells this run of the service from others on the host, and the
worker's. Two locks say whose run has ended: the file's on SQLite, the host's on PostgreSQL.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from collections.abc import Mapping, MutableMapping
from typing import Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from outbox import postgresql, sqlite
from outbox.database import StoreError, explained
from outbox.store import Store

_log = structlog.get_logger("ownership")

_INSTANCE = "ALERT_MANAGER_INSTANCE"
# Together with a process id they fit into the column.
_HOST_CHARACTERS = 64
_INSTANCE_CHARACTERS = 32
# A predecessor that was killed a moment ago: until the server has noticed.
_PATIENCE_SECONDS = 1.0
_RELEASE_SECONDS = 1.0


class Lock(Protocol):
    """A lock that its process and all forked from it hold, until the last of them has ended."""

    def close(self) -> None:
        """Give it up."""


def name_instance(variables: MutableMapping[str, str]) -> None:
    """Give this run of the service a name, which its workers have from their environment."""
    variables.setdefault(_INSTANCE, secrets.token_hex(4))


def is_named(variables: Mapping[str, str]) -> bool:
    """Whether this is a worker of an instance that has made the database ready."""
    return _INSTANCE in variables


def owner(variables: Mapping[str, str], pid: int) -> str:
    """The name under which a process holds what it works on."""
    instance = variables.get(_INSTANCE) or secrets.token_hex(4)
    return f"{_host()}{instance[:_INSTANCE_CHARACTERS]}:{pid}:"


def _host() -> str:
    return f"{socket.gethostname()[:_HOST_CHARACTERS]}:"


def release_worker(engine: Engine, variables: Mapping[str, str], pid: int) -> None:
    """Give back what a worker of this instance held that has ended.

    Raises:
        StoreError: it comes back when the leases end.
    """
    # Who calls is the only one who could end a worker that stands still while it writes, and must not wait for it.
    store = Store(engine, "", _RELEASE_SECONDS)
    try:
        store.release(owner(variables, pid))
    finally:
        store.close()


def take_over(engine: Engine) -> Lock | None:
    """Give back what earlier runs held, if it is certain that they have ended.

    On SQLite whoever holds the lock on the file's `.lock` has the database alone: everything is given back.

    On PostgreSQL others work on the same database, on other hosts, and what they hold is theirs. A container that is
    started again in its place, a StatefulSet's pod and a machine keep the host's name; so what has this host's name is
    of an earlier run, unless one still lives: two services on one machine, or containers on the host's network. The
    lock in the database, one for each host's name, tells. It is not a file's, for services of one name need not share
    a folder. It belongs to a session, and so ends with the processes, or with the server; after the latter, a second
    service that starts under the same name may give back what the first is sending: it is then sent twice, and
    recorded once. Behind PgBouncer in transaction mode such a lock means nothing: a direct connection is needed.

    Returns:
        The lock, to be held as long as the service lives. None when another holds it: then nothing was given back,
        and what a dead process held comes back when its leases end.

    Raises:
        StoreError: the database does not answer, or the lock's file cannot be made. Not where only what was held cannot
            be given back just now, on PostgreSQL.
    """
    alone = engine.dialect.name == "sqlite"
    lock = _lock_file(engine) if alone else _lock_host(engine)
    if lock is not None:
        try:
            Store(engine, "").release("" if alone else _host())
        except StoreError as error:
            if alone:
                raise
            # Another replica may stand still in the middle of a transaction: no reason not to work beside it.
            _log.warning("what an earlier run held comes back when its leases end", error=str(error))
    return lock


def _lock_file(engine: Engine) -> Lock | None:
    try:
        descriptor = os.open(f"{sqlite.file(engine.url)}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"the lock beside the database's file cannot be made: {error.strerror}") from None
    file = os.fdopen(descriptor, "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _lock_host(engine: Engine) -> Lock | None:
    import psycopg

    try:
        connection = postgresql.connect(engine)
        try:
            connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{_PATIENCE_SECONDS}s"])
            connection.execute("SELECT pg_advisory_lock(%s)", [postgresql.lock_number(f"host {_host()}")])
        except psycopg.errors.LockNotAvailable:
            connection.close()
            return None
        except psycopg.Error:
            connection.close()
            raise
    except (SQLAlchemyError, psycopg.Error) as error:
        raise StoreError(f"the lock of this host cannot be had: {explained(error)}") from None
    return connection
