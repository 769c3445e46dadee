"""The composition root: what the service is made of, and its commands."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click
import structlog
from flask import Flask
from sqlalchemy import Engine

import actions
import enrich
import telemetry
from alerts.model import Alert, AlertGroup, fingerprint
from alerts.notification import Notification, SendError, Thread
from cluster import Cluster, in_cluster
from commands import deliveries, explain, import_alertmanager, route_test
from config.base import ActionSettings
from config.document import ConfigError, Problem
from config.environment import Environment, EnvironmentVariableError
from config.http_config import HttpActionSettings, HttpConfig
from config.load import load
from config.process import process_settings
from config.schema import Configuration, EnrichmentSettings, PrometheusSettings, Receiver
from outbound import Http
from outbox import ownership, sqlite
from outbox.database import DatabaseUrlError, StoreError, migrate, open_database, parse_url
from outbox.store import Store
from pipeline import Loaded, NoKey, Pictures, Pipeline, Reloader, Running, Signer, Sources, find_key
from pipeline.given import given
from pipeline.reload import first
from pipeline.running import destinations
from web import create_web

ROOT = Path(__file__).parent
_DEFAULT_DATABASE = f"sqlite:///{ROOT / 'data' / 'alert-manager.db'}"
_SEND_SECONDS = 10.0


def configure(variables: Mapping[str, str], path: Path | None = None, content: bytes | None = None) -> Configuration:
    """Load the configuration.

    Args:
        path: instead of the one that CONFIG_FILE names.
        content: what is to stand there, instead of what does.

    Raises:
        ConfigError: with all that is wrong.
    """
    named = variables.get("CONFIG_FILE")
    return load(
        path or (Path(named) if named else None),
        Environment(variables),
        actions=action_settings(),
        enrichers={name: enrich.needs(each) for name, each in find_enrichers(variables).items()},
        read_query=enrich.Query,
        try_template=actions.try_template,
        content=content,
    )


def action_settings() -> dict[str, type[ActionSettings]]:
    """Each kind of action, and its settings."""
    return {kind: module.Settings for kind, module in actions.find().items()}


def find_enrichers(variables: Mapping[str, str]) -> dict[str, enrich.Enricher]:
    """Those that there are, and those of the folder that ENRICHERS_PATH names.

    Raises:
        EnvironmentVariableError: one of these is none.
    """
    folder = variables.get("ENRICHERS_PATH")
    try:
        return enrich.find(Path(folder) if folder else None)
    except enrich.EnricherError as error:
        raise EnvironmentVariableError(f"ENRICHERS_PATH: {error}") from None


def build_enrichers(configuration: Configuration, variables: Mapping[str, str]) -> list[enrich.Enricher]:
    """Those that run, in the order in which their findings are shown."""
    settings = configuration.file.enrichment
    found = find_enrichers(variables)
    known = {**found, **{each.name: each for each in enrich.queries(settings.queries)}}
    return [known[name] for name in settings.running({name: enrich.needs(each) for name, each in found.items()})]


def database_url(configuration: Configuration) -> str:
    """Where events and deliveries are kept."""
    url = configuration.file.storage.url
    return url.get_secret_value() if url else _DEFAULT_DATABASE


def build_actions(configuration: Configuration, http: Http, before: Running | None = None) -> dict[str, actions.Action]:
    """Every receiver's actions, by destination; those that are set as before are the same, with what they hold open.

    Args:
        http: for those that have no `http_config`; those that have the same one share connections, too.
    """
    modules = actions.find()
    own: list[tuple[HttpConfig, Http]] = []

    def connections(settings: ActionSettings) -> Http:
        wanted = settings.http_config if isinstance(settings, HttpActionSettings) else None
        if wanted is None:
            return http
        found = next((made for known, made in own if known == wanted), None)
        if found is None:
            found = wanted.connect()
            own.append((wanted, found))
        return found

    known = dict(destinations(before.configuration)) if before else {}
    return {
        name: before.actions[name]
        if before and known.get(name) == each
        else modules[each.kind].Action(each.settings, connections(each.settings))
        for name, each in destinations(configuration)
    }


def create_app(variables: Mapping[str, str] | None = None, loaded: Loaded | None = None) -> Flask:
    """Make the application; its pipeline and its reloader (`extensions[...]`) wait to be started.

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
    build = partial(_build, variables=variables, engine=engine, store=store, http=Http())
    pipeline = Pipeline(build(loaded.configuration, None), store)

    def take(configuration: Configuration) -> None:
        pipeline.running = build(configuration, pipeline.running)

    reloader = Reloader(loaded, partial(configure, variables), take)
    web = create_web(pipeline, reloader)
    web.extensions |= {"pipeline": pipeline, "reloader": reloader}
    return web


def _build(
    configuration: Configuration,
    before: Running | None,
    *,
    variables: Mapping[str, str],
    engine: Engine,
    store: Store,
    http: Http,
) -> Running:
    """What runs with a configuration: of what ran before whatever is set as it was, with its connections and caches."""
    sources = _sources(configuration, before, variables, store)
    pictures = before.pictures if before and _drawn_alike(configuration, sources, before) else None
    return Running(
        configuration,
        build_actions(configuration, http, before),
        sources,
        pictures or _pictures(configuration, engine, sources.prometheuses),
    )


def _sources(
    configuration: Configuration, before: Running | None, variables: Mapping[str, str], store: Store
) -> Sources:
    settings = configuration.file.enrichment
    was = before.configuration if before else None
    if before and was and settings == was.file.enrichment and configuration.prometheuses == was.prometheuses:
        # The user's own enrichers may be others by now.
        own = variables.get("ENRICHERS_PATH")
        return replace(before.sources, enrichers=build_enrichers(configuration, variables)) if own else before.sources
    prometheuses, looked_at = [], None
    kept_alike = was is not None and was.file.enrichment.cache == settings.cache
    known = list(zip(was.prometheuses, before.sources.prometheuses, strict=True)) if before and was else []
    for each in configuration.prometheuses:
        same = (made for described, made in known if described == each)
        prometheuses.append((next(same, None) if kept_alike else None) or _prometheus(each, settings.cache))
    if before and was and kept_alike and was.file.enrichment.kubernetes == settings.kubernetes:
        looked_at = before.sources.given
    looked_at = looked_at or given(store, _kubernetes(settings, variables))
    return Sources(build_enrichers(configuration, variables), prometheuses, looked_at)


def _drawn_alike(configuration: Configuration, sources: Sources, before: Running) -> bool:
    """Whether pictures are drawn of the same values, and have the same URLs for as long."""
    new, old = configuration.file, before.configuration.file
    same = (new.web, new.external_url, new.storage.retention) == (old.web, old.external_url, old.storage.retention)
    return same and sources.prometheuses == before.sources.prometheuses


def _pictures(configuration: Configuration, engine: Engine, prometheuses: Sequence[enrich.Prometheus]) -> Pictures:
    """Signed with the key that is set, or with one that is kept beside SQLite's file."""
    settings = configuration.file
    file = sqlite.file(engine.url) if engine.dialect.name == "sqlite" else None
    try:
        beside = file.with_name(f"{file.name}-charts-key") if file else None
        key = find_key(settings.web.charts_key, settings.web.charts_key_file, beside)
    except NoKey as reason:
        structlog.get_logger("app").warning("there are no pictures", reason=str(reason))
        return Pictures(prometheuses, reason=str(reason))
    signer = Signer(key, timedelta(seconds=settings.storage.retention))
    return Pictures(prometheuses, signer, settings.external_url or "")


def _prometheus(settings: PrometheusSettings, cache_seconds: float) -> enrich.Prometheus:
    # Connections of its own: what certificates it shows and takes is its own, too.
    return enrich.Prometheus(
        settings.url,
        Http(tls=settings.tls()),
        name=settings.name,
        matchers=settings.matchers,
        headers=settings.request_headers,
        cache_seconds=cache_seconds,
    )


def _kubernetes(settings: EnrichmentSettings, variables: Mapping[str, str]) -> enrich.Kubernetes | None:
    """What enrichers ask of Kubernetes; who one is there is found out with the first question, and hinders no start."""
    said = settings.kubernetes
    if said is None:
        return None
    if said.kubeconfig is None:
        return enrich.Kubernetes(Cluster(partial(in_cluster, variables)), settings.cache)
    # Few have one.
    from cluster.kubeconfig import from_kubeconfig

    return enrich.Kubernetes(Cluster(partial(from_kubeconfig, said.kubeconfig, said.context)), settings.cache)


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
    _check_port(process_settings(os.environ).port)
    engine = open_database(database_url(_configured(None)))
    migrate(engine)
    engine.dispose()
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py")])


def _check_port(port: int) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("0.0.0.0", port))
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
    click.echo(f"{configuration.name}: good: {len(configuration.receivers)} receivers with {count} actions")


@cli.command("send-test")
@click.option("--config", "file", type=click.Path(path_type=Path), help="Instead of what CONFIG_FILE names.")
@click.option("--resolved", is_flag=True, help="Send the end of an earlier test.")
@click.argument("receiver", required=False)
def send_test(file: Path | None, resolved: bool, receiver: str | None) -> None:
    """Send a real test alert to RECEIVER, or to the root route's, and print what each far side said."""
    _configure_logging(os.environ)
    configuration = _configured(file)
    name = receiver or str(configuration.file.route.receiver)
    found = configuration.receiver(name)
    if found is None:
        known = ", ".join(each.name for each in configuration.receivers)
        raise click.UsageError(f"there is no receiver {name!r}; there are: {known}")
    if not found.actions:
        click.echo(f"{name} has no action: nobody is told")
    failed = False
    for notification, action in _tests(found, configuration, resolved):
        try:
            receipt = action.send(notification, Thread(), _SEND_SECONDS)
            click.echo(f"{notification.destination}: {receipt.detail}")
        except SendError as error:
            failed = True
            click.echo(f"{notification.destination}: {error}", err=True)
    sys.exit(1 if failed else 0)


def _tests(
    receiver: Receiver, configuration: Configuration, resolved: bool
) -> list[tuple[Notification, actions.Action]]:
    now = datetime.now(UTC)
    labels = {"alertname": "AlertManagerTest", "severity": "info", "receiver": receiver.name}
    summary = "This is a test of alert-manager. Nothing is wrong."
    alert = Alert(
        labels=labels,
        annotations={"summary": summary},
        status="resolved" if resolved else "firing",
        starts_at=now,
        ends_at=now if resolved else None,
        generator_url="",
        fingerprint=fingerprint(labels),
    )
    group = AlertGroup(f"alert:{alert.fingerprint}", (alert,), labels, labels, alert.annotations)
    built = build_actions(configuration, Http())
    notifications = [Notification(receiver.name, each.kind, each.index, group) for each in receiver.actions]
    return [(each, built[each.destination]) for each in notifications]


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
cli.add_command(explain.make_command(_would_run, database_url))


def main() -> None:
    """Run a command: 0 when all is well, 1 when the answer is no, 2 on wrong usage."""
    try:
        cli(prog_name="app.py")
    except (ConfigError, EnvironmentVariableError, DatabaseUrlError, StoreError) as error:
        click.echo(f"{error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
