"""The least that a Flask can do with a webhook: read it and say that all is well."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request


def create_app() -> Flask:
    """Make the WSGI application."""
    app = Flask(__name__)

    @app.post("/alert")
    def alert() -> Response:
        request.get_data()
        return jsonify({"status": "success"})

    @app.get("/readyz")
    def ready() -> Response:
        return jsonify({"status": "success"})

    return app
