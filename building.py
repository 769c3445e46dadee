"""What the service is made of: a configuration, and all that runs by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType

import structlog
from sqlalchemy import Engine

import actions
import enrich
from alertmanager import Alertmanager
from cluster import Cluster, in_cluster, own_namespace
from config.base import ActionSettings
from config.environment import Environment, EnvironmentVariableError
from config.http_config import HttpActionSettings, HttpConfig
from config.kubernetes import KubernetesSettings
from config.load import load
from config.remediation import RemedySettings
from config.schema import ActionConfig, Configuration, EnrichmentSettings, PrometheusSettings
from outbound import Http
from outbox import sqlite
from outbox.store import Store
from pipeline import NoKey, Pictures, Running, Signer, Sources, find_key
from pipeline.counts import asked
from pipeline.given import given
from pipeline.running import destinations

ROOT = Path(__file__).parent
_DEFAULT_DATABASE = f"sqlite:///{ROOT / 'data' / 'alert-manager.db'}"


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


def build_actions(
    configuration: Configuration,
    http: Http,
    before: Running | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, actions.Action]:
    """Every receiver's actions, by destination; those that are set as before are the same, with what they hold open.

    Args:
        http: for those that have no `http_config`; those that have the same one share connections, too.
        variables: the environment.
    """
    modules = actions.find()
    said = configuration.file.remediation.kubernetes
    if before and before.configuration.file.remediation.kubernetes != said:
        before = None
    # One for all rules; it finds out who one is there with the first question.
    cluster = _cluster(said, variables)
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

    def made(destination: str, each: ActionConfig) -> actions.Action:
        action: actions.Action
        settings, kind = each.settings, modules[each.kind]
        if isinstance(settings, RemedySettings):
            named = settings if settings.name else settings.model_copy(update={"name": destination})
            action = kind.Action(named, connections(settings), cluster)
        else:
            action = kind.Action(settings, connections(settings))
        return action

    known = dict(destinations(before.configuration)) if before else {}
    return {
        name: before.actions[name] if before and known.get(name) == each else made(name, each)
        for name, each in destinations(configuration)
    }


def build_running(
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
        build_actions(configuration, http, before, variables),
        sources,
        pictures or _pictures(configuration, engine, sources.prometheuses),
        _alertmanager(configuration, before),
        own_namespace(variables),
        _heartbeat(configuration, before, http),
    )


def _heartbeat(configuration: Configuration, before: Running | None, http: Http) -> Http | None:
    """Connections to the switch outside; the same as before where they are made alike."""
    wanted = _heartbeat_config(configuration)
    if configuration.file.heartbeat is None or wanted is None:
        return None if configuration.file.heartbeat is None else http
    if before is not None and before.heartbeat and _heartbeat_config(before.configuration) == wanted:
        return before.heartbeat
    return wanted.connect()


def _heartbeat_config(configuration: Configuration) -> HttpConfig | None:
    settings = configuration.file.heartbeat
    return (settings.http_config if settings else None) or configuration.file.global_.http_config


def _alertmanager(configuration: Configuration, before: Running | None) -> Alertmanager | None:
    settings = configuration.file.alertmanager
    if settings is None:
        return None
    if before is not None and before.alertmanager and before.configuration.file.alertmanager == settings:
        return before.alertmanager
    return Alertmanager(settings.url, settings.connect())


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
        asked=asked,
    )


def _kubernetes(settings: EnrichmentSettings, variables: Mapping[str, str]) -> enrich.Kubernetes | None:
    """What enrichers ask of Kubernetes; who one is there is found out with the first question, and hinders no start."""
    said = settings.kubernetes
    if said is None:
        return None
    return enrich.Kubernetes(_cluster(said, variables), settings.cache, asked)


def _cluster(said: KubernetesSettings, variables: Mapping[str, str]) -> Cluster:
    if said.kubeconfig is None:
        return Cluster(partial(in_cluster, variables))
    # Few have one.
    from cluster.kubeconfig import from_kubeconfig

    return Cluster(partial(from_kubeconfig, said.kubeconfig, said.context))
