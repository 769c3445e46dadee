"""The composition root: what the service is made of, and its commands."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from flask import Flask

import telemetry
from actions import Action
from building import ROOT, action_settings, build_actions, build_enrichers, build_running, configure, database_url
from commands import deliveries, explain, hash_password, import_alertmanager, route_test, send_test
from config.document import ConfigError, Problem
from config.environment import EnvironmentVariableError
from config.process import process_settings
from config.schema import Configuration
from outbound import Http
from outbox import ownership
from outbox.database import DatabaseUrlError, StoreError, migrate, open_database, parse_url
from outbox.store import Store
from pipeline import Loaded, Pipeline, Reloader, Running, Sources
from pipeline.reload import first
from web import create_web


def create_app(variables: Mapping[str, str] | None = None, loaded: Loaded | None = None) -> Flask:
    """Make the application; its pipeline and its reloader (`extensions[...]`) wait to be started.

    Its "access" is to be told if it is served at loopback addresses alone.

    Args:
        variables: the environment; `os.environ` unless given.
        loaded: the last good configuration of who begins this process; read from the file unless given.

    Raises:
        ConfigError, EnvironmentVariableError, DatabaseUrlError, StoreError: it cannot run so.
    """
    variables = os.environ if variables is None else variables
    _configure_logging(variables)
    loaded = loaded or first(partial(configure, variables), datetime.now(UTC))
    engine = open_database(database_url(loaded.configuration))
    if not ownership.is_named(variables):
        # Else `prepare_storage` has done so: a worker that starts later must not make a file where one is away.
        migrate(engine)
    store = Store(engine, ownership.owner(variables, os.getpid()))
    build = partial(build_running, variables=variables, engine=engine, store=store, http=Http())
    pipeline = Pipeline(build(loaded.configuration, None), store)

    def take(configuration: Configuration) -> None:
        pipeline.running = build(configuration, pipeline.running)

    reloader = Reloader(loaded, partial(configure, variables), take)
    web = create_web(pipeline, reloader)
    web.extensions |= {"pipeline": pipeline, "reloader": reloader}
    return web


def _configure_logging(variables: Mapping[str, str]) -> None:
    settings = process_settings(variables)
    telemetry.configure_logging(settings.log_level, settings.log_format)


def begin() -> Reloader:
    """In the master, before all else: name this instance, and load what the workers are to begin with.

    Where the file is not good when one is begun later, that is the last good one, and not the end of the service.
    """
    ownership.name_instance(os.environ)
    _configure_logging(os.environ)
    load = partial(configure, os.environ)
    return Reloader(first(load, datetime.now(UTC)), load)


def prepare_storage(configuration: Configuration) -> ownership.Lock | None:
    """Before any worker: bring the tables up to date, and free what an earlier run of this instance held.

    Returns:
        A lock that is to be held to the end; none when another alert-manager has it.
    """
    engine = open_database(database_url(configuration))
    migrate(engine)
    lock = ownership.take_over(engine)
    if lock is None:
        shared = "database file" if engine.dialect.name == "sqlite" else "database under this host's name"
        click.echo(f"another alert-manager runs on the same {shared}; it is shared", err=True)
    # Nothing but the lock may be open when workers are forked.
    engine.dispose()
    return lock


def release_leases(configuration: Configuration, pid: int) -> None:
    """Free what a worker held that has ended."""
    try:
        engine = open_database(database_url(configuration))
        ownership.release_worker(engine, os.environ, pid)
        engine.dispose()
    except Exception as error:
        # The master must live, whatever has become of the database since.
        click.echo(f"what worker {pid} held comes back with its lease: {error}", err=True)


@click.group()
def cli() -> None:
    """Takes alerts from Prometheus' Alertmanager, looks up what they are about, and tells who should know."""


@cli.command()
def serve() -> None:
    """Serve on PORT (8080)."""
    # Here, so that what is wrong is said in words; the workers find all in order.
    settings = process_settings(os.environ)
    _check_port(settings.address, settings.port)
    engine = open_database(database_url(_configured(None)))
    migrate(engine)
    engine.dispose()
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py")])


def _check_port(address: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError as error:
            raise click.ClickException(
                f"port {port} cannot be served on: {error.strerror}; PORT sets another"
            ) from None


@cli.command("check-config")
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check_config(file: Path | None) -> None:
    """Check FILE, or what CONFIG_FILE names, and say all that is wrong with it."""
    process_settings(os.environ)
    configuration = _configured(file)
    parse_url(database_url(configuration))
    count = sum(len(receiver.actions) for receiver in configuration.receivers)
    for name, of in configuration.texts.items():
        click.echo(f"{name}: in the place of the default text of {of} action{'' if of == 1 else 's'}")
    click.echo(f"{configuration.name}: good: {len(configuration.receivers)} receivers with {count} actions")


@cli.command("migrate")
def migrate_command() -> None:
    """Bring the database's tables up to date; `serve` does so too."""
    engine = open_database(database_url(_configured(None)))
    migrate(engine)
    engine.dispose()
    click.echo("the database is up to date")


def _configured(file: Path | None) -> Configuration:
    """The configuration, its warnings said on standard error."""
    configuration = configure(os.environ, file)
    for warning in configuration.warnings:
        click.echo(f"warning: {warning}", err=True)
    return configuration


def _would_run(file: Path | None) -> Running:
    """What would run with a configuration, as far as it tells anybody; Prometheus is not asked."""
    configuration = _configured(file)
    return Running(
        configuration, build_actions(configuration, Http()), Sources(build_enrichers(configuration, os.environ))
    )


def _would_tell(configuration: Configuration) -> Mapping[str, Action]:
    """Every receiver's actions; what some of them write is written as the service does."""
    _configure_logging(os.environ)
    return build_actions(configuration, Http())


def _problems(path: Path, content: bytes) -> Sequence[Problem]:
    """What is wrong with a configuration that is not written yet."""
    try:
        configure(os.environ, path, content)
    except ConfigError as error:
        return error.problems
    return ()


cli.add_command(deliveries.make_group(lambda: database_url(configure(os.environ))))
cli.add_command(route_test.make_command(_configured))
cli.add_command(import_alertmanager.make_command(_problems, action_settings))
cli.add_command(hash_password.make_command())
cli.add_command(explain.make_command(_would_run, database_url))
cli.add_command(send_test.make_command(_configured, _would_tell))


def main() -> None:
    """Run a command: 0 when all is well, 1 when the answer is no, 2 on wrong usage."""
    try:
        cli(prog_name="app.py")
    except (ConfigError, EnvironmentVariableError, DatabaseUrlError, StoreError) as error:
        click.echo(f"{error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
