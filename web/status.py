"""`/status`, `/api/v1/status` and `POST /-/reload`: what runs here, with what configuration, and another one."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, make_response, render_template

from pipeline import Loaded, Pipeline, Reloader
from web import watching
from web.answers import answer, error, from_elsewhere

VERSION = "0.1.0"


def blueprint(pipeline: Pipeline, reloader: Reloader) -> Blueprint:
    """The routes."""
    routes = Blueprint("status", __name__)
    started_at = datetime.now(UTC)

    @routes.get("/status")
    def status() -> Response:
        shown = document(pipeline, reloader.loaded, started_at)
        return make_response(render_template("status.html", status=shown, now=datetime.now(UTC)))

    @routes.get("/api/v1/status")
    def status_document() -> Response:
        return answer(document(pipeline, reloader.loaded, started_at))

    @routes.post("/-/reload")
    def reload() -> Response:
        if refused := from_elsewhere():
            return refused
        loaded = reloader.reload()
        # Whatever came of it here, the others are to say the same.
        reloader.tell_others()
        if loaded.error:
            return error(f"failed to reload config: {loaded.error}", 500)
        return answer({"status": "success", "warnings": list(loaded.configuration.warnings)})

    return routes


def document(pipeline: Pipeline, loaded: Loaded, started_at: datetime) -> dict[str, Any]:
    """What runs in the process that is asked; names and no secret.

    Args:
        started_at: when that process was.
    """
    running = pipeline.running
    configuration = running.configuration
    return {
        "version": VERSION,
        "process": {"id": os.getpid(), "started_at": started_at.isoformat(timespec="seconds")},
        "configuration": {
            "file": configuration.name,
            "digest": configuration.digest,
            "loaded_at": loaded.at.isoformat(timespec="seconds"),
            "last_reload": {
                "at": loaded.tried_at.isoformat(timespec="seconds"),
                "successful": not loaded.error,
                "error": loaded.error or None,
            },
            "warnings": list(configuration.warnings),
        },
        "storage": pipeline.store.kind,
        "data_sources": [*(each.title for each in running.sources.prometheuses), *_beside(pipeline)],
        "enrichers": [each.name for each in running.sources.enrichers],
        "destinations": list(pipeline.destinations),
        **watching.document(pipeline),
    }


def _beside(pipeline: Pipeline) -> list[str]:
    return ["Kubernetes"] if pipeline.running.sources.given.kubernetes is not None else []
