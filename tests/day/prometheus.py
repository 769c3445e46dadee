"""A Prometheus on loopback that says what a script wants: by the name of a metric, for each pod a value."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.far_sides.http_server import Answer, HttpServer, Request

NAMESPACE = "shop"
CONTAINER = "checkout"


class Prometheus(HttpServer):
    """Answers each question from `values`; over a while they grew evenly to what they are now."""

    def __init__(self) -> None:
        """Knows of nothing."""
        super().__init__()
        self.values: dict[str, dict[str, float]] = {}

    def says(self, metric: str, values: Mapping[str, float]) -> None:
        """From here on a metric has these values, by pod."""
        with self.changed:
            self.values[metric] = dict(values)

    def answer(self, request: Request) -> Answer:
        """Answers an instant query or one over a range."""
        form = {key: each[0] for key, each in parse_qs(request.body.decode()).items()}
        found = self._found(form["query"])
        if urlsplit(request.path).path.endswith("/query_range"):
            start, end, step = (float(form[key]) for key in ("start", "end", "step"))
            moments = [start + at * step for at in range(int((end - start) / step) + 1)]
            parts = [0.4 + 0.6 * (at - start) / (end - start) for at in moments]
            grown = [[[at, str(value * part)] for at, part in zip(moments, parts, strict=True)] for _, value in found]
            return _answer("matrix", [{"metric": of[0], "values": each} for of, each in zip(found, grown, strict=True)])
        # Without a time it is asked about now.
        at = float(form.get("time") or time.time())
        return _answer("vector", [{"metric": labels, "value": [at, str(value)]} for labels, value in found])

    def _found(self, query: str) -> list[tuple[dict[str, str], float]]:
        # Whether it grows, and how it was an hour ago, is not what these values say.
        if "deriv(" in query or "offset" in query:
            return []
        place = {"namespace": NAMESPACE, "container": CONTAINER}
        told = {"resource": "memory", "unit": "byte"}
        return [
            # An alert's own expression has no labels but those of the alert.
            ({"__name__": metric, **place, **({} if query == metric else told), "pod": pod}, value)
            for metric, values in self.values.items()
            if metric in query
            for pod, value in values.items()
        ]


def _answer(kind: str, result: list[dict[str, Any]]) -> Answer:
    document = {"status": "success", "data": {"resultType": kind, "result": result}}
    return Answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})
