"""Remediations as rows, and the application before them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine, insert, select, update

from alerts.model import Alert
from alerts.remediation import Proposal, Target, Verdict
from config.content import Content
from outbox.records import Step, TakenUp
from outbox.remediation_rows import PROPOSAL, STEPS, VERDICTS, new_row, remediation_of
from outbox.rows import json_text
from outbox.store import Store
from outbox.tables import remediations
from pipeline import Loaded, Pictures, Pipeline, Reloader, Running, Signer
from pipeline.service import utc_now
from tests.pipeline.remedy_world import RULE, Fix, World, configuration
from tests.samples import NOW, model_alert
from web import create_web

CHANGE = {"Authorization": "Bearer token-of-operators-1"}
PROPOSED = Proposal(
    "restart",
    Target("Deployment", "cart", "shop"),
    "restart deployment shop/cart",
    {"replicas": 3, "restarted_at": None},
    {"resourceVersion": "7"},
)


def kept(engine: Engine, number: int = 1, alert: Alert | None = None, **values: Any) -> str:
    """Keeps a remediation that waits for approval, unless said otherwise; returns its token."""
    broken = alert or model_alert(deployment="cart", number=str(number))
    taken_up = TakenUp("restarts", "hook", False, f"g{number}", broken)
    row = new_row(taken_up, RULE, number, NOW, utc_now())
    verdicts = (Verdict("namespaces", True, "shop"), Verdict("cooldown", False, "touched a minute ago", NOW))
    steps = (Step(NOW, "taken up"), Step(NOW + timedelta(seconds=10), "asked for approval"))
    row |= {
        "state": "approval",
        "due_at": utc_now() + timedelta(minutes=15),
        "proposal": json_text(PROPOSAL, PROPOSED),
        "target": PROPOSED.target.key,
        "verdicts": json_text(VERDICTS, verdicts),
        "steps": json_text(STEPS, steps),
        **values,
    }
    with engine.begin() as connection:
        connection.execute(insert(remediations).values(row))
    return str(row["token"])


def asked(engine: Engine, token: str) -> str:
    """Returns what a button of it has: the token, and which question it is."""
    with engine.begin() as connection:
        row = connection.execute(select(remediations).where(remediations.c.token == token)).one()
    return f"{token}:{remediation_of(row).question}"


def changed(engine: Engine, token: str, **values: Any) -> None:
    """Changes a row."""
    with engine.begin() as connection:
        connection.execute(update(remediations).where(remediations.c.token == token).values(values))


def approved_by(engine: Engine, token: str) -> str | None:
    """Returns who decided on it."""
    with engine.begin() as connection:
        found = connection.execute(select(remediations.c.approved_by).where(remediations.c.token == token)).scalar_one()
    return None if found is None else str(found)


def office(folder: Path, store: Store, rule: str, *, signs: bool = True) -> Pipeline:
    """Returns a pipeline with a rule, which does not run: what is kept stays as it is."""
    pictures = Pictures(signer=Signer(b"k" * 32, timedelta(days=1))) if signs else Pictures()
    named = rule.replace("{dry_run", "{name: restarts, dry_run")
    return Pipeline(Running(configuration(folder, named), {RULE: Fix(World())}, pictures=pictures), store)


def application(pipeline: Pipeline, slack_hooks: tuple[str, ...] = ()) -> Flask:
    """Returns the application before it, which everybody can reach."""
    now = utc_now()
    loaded = Loaded(pipeline.configuration, now, now, Content())
    return create_web(pipeline, Reloader(loaded, lambda: pipeline.configuration), slack_hooks)
