"""From a file and the environment to a checked Configuration, or everything that is wrong with it at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from config.base import ActionSettings
from config.checks import (
    check_conditions,
    check_doubts,
    check_enrichers,
    check_fallbacks,
    check_files,
    check_inhibition,
    check_prometheuses,
    check_queries,
    check_route,
)
from config.default_texts import default_texts
from config.document import ConfigError, Document, Problem, read
from config.environment import Environment
from config.interval_checks import check_intervals
from config.receivers import ReceiversReader
from config.remediation_checks import check_asked, check_rules, check_told
from config.schema import ConfigFile, Configuration, PrometheusSettings, QuerySettings, RoutingSettings
from config.silence import heeding_repeats
from config.templates import read_library
from config.validation import validated
from config.watch_checks import check_watchdogs
from templating import Template

DEFAULT_FILE = Path(__file__).resolve().with_name("default.yaml")

FROM_ENVIRONMENT = {
    ("prometheus", "url"): "PROMETHEUS_URL",
    ("external_url",): "EXTERNAL_URL",
    ("storage", "url"): "DATABASE_URL",
    ("web", "charts_key"): "CHARTS_KEY",
    ("web", "slack_signing_secret"): "SLACK_SIGNING_SECRET",
    ("web", "pagerduty_webhook_secret"): "PAGERDUTY_WEBHOOK_SECRET",
}


def load(
    path: Path | None,
    environment: Environment,
    *,
    actions: Mapping[str, type[ActionSettings]],
    enrichers: Mapping[str, str],
    read_query: Callable[[QuerySettings], object],
    try_template: Callable[[Template], object],
    content: bytes | None = None,
) -> Configuration:
    """Read the configuration.

    Args:
        path: the user's file; None for the shipped default.
        environment: for `${NAME}`, and for what the file leaves out.
        actions: each kind that there is, with its settings.
        enrichers: the name of each that there is, and which setting of `enrichment` it needs, "" for none.
        read_query: raises ValueError, with the reason, for a query of the user's own that cannot be asked.
        try_template: raises ValueError, with the reason, for a template that fails on a recorded payload.
        content: what is to stand in the file, instead of what does.

    Raises:
        ConfigError: with every problem found, each placed.
    """
    shipped = path is None or path.resolve() == DEFAULT_FILE
    document = read(path or DEFAULT_FILE, environment, optional_variables=shipped, content=content)
    if not isinstance(document.data, dict):
        raise ConfigError([document.problem((), "should be a mapping with `route` and `receivers`")])
    data = dict(document.data)
    listed = data.pop("receivers", None)
    several = data.pop("prometheus") if isinstance(data.get("prometheus"), list) else None
    _fill_from_environment(data, environment, document, but="" if several is None else "prometheus")
    file: ConfigFile | None = validated(ConfigFile, data, (), document)
    defaults = data["global"] if isinstance(data.get("global"), dict) else {}
    library, warnings = read_library(data.get("templates"), document)
    texts = default_texts(library, actions, document)
    reader = ReceiversReader(
        document, actions, defaults, environment, library, texts, try_template, log_otherwise=shipped
    )
    receivers = list(reader.read(listed))
    warnings += reader.warnings + list(check_doubts(file, (), document))
    told_beside = [each.receiver for each in file.watchdogs] if file is not None else []
    warnings += check_route(data.get("route"), receivers, document, told_beside)
    warnings += check_fallbacks(listed, receivers, document)
    check_rules(listed, receivers, file.web if file else None, document)
    warnings += check_asked(listed, receivers, document)
    warnings += check_told(data.get("route"), listed, receivers, document) + check_intervals(data, document)
    if file is not None:
        file, heeded = heeding_repeats(file, data, document)
        warnings += heeded + check_inhibition(file.inhibit_rules, document)
        check_queries(file.enrichment.queries, enrichers, read_query, document)
        check_enrichers(file.enrichment, enrichers, document)
        warnings += check_watchdogs(file.watchdogs, file.route, listed, receivers, document)
        check_conditions(listed, receivers, file.enrichment.running(enrichers), document)
    prometheuses = _prometheuses(several, file, document)
    warnings += check_prometheuses(prometheuses, document) + check_files(document)
    if document.problems or file is None:
        raise ConfigError(_in_order(document.problems))
    warned = tuple(map(str, _in_order(warnings)))
    routing = {key: data[key] for key in RoutingSettings.model_fields if data.get(key) is not None}
    said = json.dumps(routing, ensure_ascii=False, sort_keys=True)
    made_of = {file for each in receivers for action in each.actions for file in action.settings.read_from}
    files = (path or DEFAULT_FILE, *sorted(environment.files | made_of))
    return Configuration(document.name, file, tuple(receivers), prometheuses, said, warned, files, texts.counted)


def _prometheuses(
    several: list[Any] | None, file: ConfigFile | None, document: Document
) -> tuple[PrometheusSettings, ...]:
    """One, or those of a list, as far as they are right."""
    if several is None:
        return (file.prometheus,) if file is not None and file.prometheus is not None else ()
    made = [validated(PrometheusSettings, each, ("prometheus", at), document) for at, each in enumerate(several)]
    return tuple(each for each in made if each is not None)


def _fill_from_environment(data: dict[str, Any], environment: Environment, document: Document, but: str = "") -> None:
    for (section, *key), name in FROM_ENVIRONMENT.items():
        given = data.get(section)
        if section == but:
            continue
        if given is not None and (not key or not isinstance(given, dict) or _is_given(given, key[0])):
            continue
        value = document.look_up((section, *key), name, environment)
        if value is not None:
            data[section] = {**(given or {}), key[0]: value} if key else value


def _is_given(section: Mapping[str, Any], key: str) -> bool:
    return any(section.get(name) is not None for name in (key, f"{key}_file"))


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    def line(problem: Problem) -> tuple[int, ...]:
        return tuple(int(part) for part in problem.place.rsplit(":", 2)[1:] if part.isdigit())

    return sorted(dict.fromkeys(problems), key=line)
