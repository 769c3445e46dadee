"""What the person on call would look up first. One module an enricher, found by its name; see `_base.py`."""

from enrich._base import Enricher, Given, NoAnswer, NotAbout
from enrich._find import EnricherError, find, needs
from enrich._holds import holds
from enrich._kubernetes import Kubernetes
from enrich._prometheus import Prometheus
from enrich._query import Query, queries
from enrich._questions import questions
from enrich._run import run

__all__ = [
    "Enricher",
    "EnricherError",
    "Given",
    "Kubernetes",
    "NoAnswer",
    "NotAbout",
    "Prometheus",
    "Query",
    "find",
    "holds",
    "needs",
    "queries",
    "questions",
    "run",
]
