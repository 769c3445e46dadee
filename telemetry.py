"""The service's own metrics and logs. A leaf: others count and log here, it knows none of them."""

from __future__ import annotations

import logging
import logging.config
import os
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.registry import REGISTRY, Collector

_ROOT = Path(__file__).parent
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_CALLS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400)

ALERTS_RECEIVED = Counter("alert_manager_alerts_received_total", "Alerts accepted, by their status.", ["status"])
EVENTS = Counter(
    "alert_manager_events_total",
    "Payloads by what became of them: accepted, rejected (malformed), refused (storage failing), "
    "planned, duplicate (told already), merged (told with another), unrouted (planned, nobody to tell), "
    "dead (could not be planned).",
    ["outcome"],
)
DELIVERIES = Counter(
    "alert_manager_deliveries_total",
    "Deliveries by what became of them: delivered, dead, superseded, digested, suppressed; "
    "and retrying, once for each attempt after which they are tried again.",
    ["receiver", "action", "outcome"],
)
ATTEMPTS = Counter(
    "alert_manager_delivery_attempts_total", "Calls to far sides, the repeated ones included.", ["receiver", "action"]
)
TEMPLATE_ERRORS = Counter(
    "alert_manager_template_errors_total",
    "Templates of the configuration that failed in messages that were told with something plain in their place.",
    ["receiver", "action"],
)
SLACK_CLICKS = Counter(
    "alert_manager_slack_clicks_total",
    "Requests of Slack about clicks: acknowledge, silence, silence-confirm, silence-cancel, remediation-run, "
    "remediation-leave, other (links, and what is not ours); late (not kept in time), failed (not kept), busy; "
    "unsigned, malformed.",
    ["outcome"],
)
DELIVERY_WARNINGS = Counter(
    "alert_manager_delivery_warnings_total",
    "What somebody has to see to at a far side though a delivery was made, such as an incident that nobody resolves.",
    ["receiver", "action"],
)
REMEDIATIONS = Counter(
    "alert_manager_remediations_total",
    "What was done about alerts, and what was not, by rule and verb: fixed, not_fixed, unknown (done, or perhaps, and "
    "nobody can tell), failed (tried, and not done), dry_run, refused (by a guard), declined, expired.",
    ["rule", "verb", "result"],
)
READINGS = Counter(
    "alert_manager_enrichment_readings_total", "Readings and excerpts that were found, by enricher.", ["enricher"]
)
GAPS = Counter("alert_manager_enrichment_gaps_total", "Readings that could not be had, by enricher.", ["enricher"])
QUESTIONS = Counter(
    "alert_manager_enrichment_questions_total",
    "What data sources were asked: answered, refused (the question was wrong), failed, and left_alone (not asked, for "
    "the source failed again and again).",
    ["source", "outcome"],
)
QUESTION_SECONDS = Histogram(
    "alert_manager_enrichment_question_seconds",
    "From a question to a data source to its answer, or to its failure.",
    ["source"],
    buckets=_CALLS,
)
ACCEPTANCE_SECONDS = Histogram("alert_manager_acceptance_seconds", "From a whole request to its answer.", buckets=_FAST)
ENRICHMENT_SECONDS = Histogram("alert_manager_enrichment_seconds", "One enrichment run.", buckets=_FAST)
SEND_SECONDS = Histogram(
    "alert_manager_send_seconds",
    "From a call to a far side to its answer, or to its failure.",
    ["receiver", "action"],
    buckets=_CALLS,
)
WEBHOOK_TO_DELIVERED_SECONDS = Histogram(
    "alert_manager_webhook_to_delivered_seconds",
    "From a webhook's acceptance to a delivery of it that succeeded.",
    ["receiver", "action"],
    buckets=_SLOW,
)
WORKER_STARTS = Counter("alert_manager_worker_starts_total", "Worker processes that began.")
CONFIG_RELOADS = Counter(
    "alert_manager_config_reloads_total",
    "Attempts to load the configuration anew, each worker process' counted: good, and bad (the one before holds).",
    ["outcome"],
)
# Of several processes: the one that is worst off. A dead one's are forgotten.
WORKERS = Gauge("alert_manager_worker_processes", "Worker processes that live.", multiprocess_mode="livesum")
THREAD_RUNNING = Gauge(
    "alert_manager_thread_running",
    "Whether each thread that accepted alerts go through runs, in every process.",
    ["thread"],
    multiprocess_mode="livemin",
)
CONFIG_LAST_RELOAD_SUCCESSFUL = Gauge(
    "alert_manager_config_last_reload_successful",
    "Whether the configuration was good when it was last loaded, in every process.",
    multiprocess_mode="livemin",
)
CONFIG_LAST_RELOAD_SUCCESS_SECONDS = Gauge(
    "alert_manager_config_last_reload_success_timestamp_seconds",
    "When the configuration that holds was loaded, where that is longest ago.",
    multiprocess_mode="livemin",
)


def exposition(of_the_service: Collector) -> bytes:
    """Write all metrics, of every worker process, in Prometheus' text format.

    Args:
        of_the_service: what is true of the whole service now, whichever process is asked.
    """
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        registry.register(of_the_service)
        return generate_latest(REGISTRY) + generate_latest(registry)
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(of_the_service)
    return generate_latest(registry)


def forget_process(pid: int) -> None:
    """Drop what only a living process may report."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def configure_logging(level: str = "INFO", log_format: str = "") -> None:
    """Send structlog's and the standard library's records to standard error, one line each.

    Args:
        level: a level's name, in any letter case.
        log_format: "json" or "console"; empty means console on a terminal, else JSON.
    """
    logging.config.dictConfig(logging_config(level, log_format))
    # Our own lines go around the standard library, which takes four times as long over each, and there are several for
    # each event.
    structlog.configure(
        processors=[*_shared_processors(), *_writing_processors(log_format)],
        logger_factory=_Logger,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=False,
    )


class _Logger:
    """Writes each line at once, in one piece, to standard error."""

    _lock = threading.Lock()

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        """Write a line; where that cannot be done nothing else is to fail for it."""
        with self._lock, suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = fatal = exception = log = msg


def logging_config(level: str = "INFO", log_format: str = "") -> dict[str, Any]:
    """The same as a `logging.config` dictionary, for gunicorn."""
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*_shared_processors(), structlog.stdlib.ExtraAdder()],
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_writing_processors(log_format),
        ],
    }
    # urllib3 and its like print whole URLs, webhook tokens included, at DEBUG; warnings hold none.
    quiet = {name: {"level": "WARNING"} for name in ("urllib3", "requests", "alembic", "sqlalchemy")}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {
            **quiet,
            "gunicorn.error": {"level": level.upper(), "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": True},
        },
    }


def _traceback(exc_info: Any) -> str:
    """Where an error came from. Its message is left out unless it is of our own words: a library's may hold a URL or a
    query, and with it a secret."""
    lines = []
    error = exc_info[1]
    while error is not None:
        top = type(error).__module__.partition(".")[0]
        own = (_ROOT / top).is_dir() or (_ROOT / f"{top}.py").is_file()
        lines += [*traceback.format_tb(error.__traceback__), f"{type(error).__name__}{f': {error}' if own else ''}\n"]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "".join(lines).rstrip()


def _writing_processors(log_format: str) -> list[Any]:
    renderer: Any = structlog.processors.JSONRenderer()
    if log_format == "console" or (not log_format and sys.stderr.isatty()):
        renderer = structlog.dev.ConsoleRenderer(event_key="message")
    return [
        # Among our words an event is something else: what the line says is its message.
        structlog.processors.EventRenamer("message"),
        structlog.processors.ExceptionRenderer(_traceback),
        renderer,
    ]


def _shared_processors() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
