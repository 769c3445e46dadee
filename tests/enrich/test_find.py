"""Enrichers are found by their module's name."""

from dataclasses import fields
from pathlib import Path

import pytest

from config.schema import EnrichmentSettings
from enrich import EnricherError, Given, find, needs
from enrich._base import Answers, Asks, NoAnswer
from enrich._vector import Sample, Vector
from tests.enrich.lookup import NOW, alert
from tests.service import ROOT


def test_finds_enrichers_by_module() -> None:
    """Every public module is an enricher, in order of its name; what begins with _ is none."""
    names = list(find())
    assert {"cpu", "memory"} <= set(names)
    assert sorted(names) == names
    assert not [name for name in names if name.startswith("_")]


OWN = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Enricher:
    name: str = "queue"
    title: str = "queue"

    def questions(self, alerts):
        return {"depth": "sum by (pod) (queue_depth)"}

    def read(self, alert, answers):
        return ()
"""


def test_finds_those_of_a_folder(tmp_path: Path) -> None:
    """Each file of the user's own folder is one more; what begins with _ is none."""
    (tmp_path / "queue.py").write_text(OWN)
    (tmp_path / "_shared.py").write_text("raise RuntimeError")
    found = find(tmp_path)
    assert set(find()) | {"queue"} == set(found)
    assert isinstance(found["queue"], Asks)
    assert {"depth": "sum by (pod) (queue_depth)"} == found["queue"].questions([])


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("queue.py", "def", "queue.py: SyntaxError: invalid syntax"),
        ("queue.py", "import absent_module", "queue.py: ModuleNotFoundError: No module named 'absent_module'"),
        ("queue.py", "import sys; sys.exit()", "queue.py: SystemExit: "),
        ("queue.py", "", "queue.py: AttributeError: module 'enrichers_queue' has no attribute 'Enricher'"),
        ("queue.py", "class Enricher: name = title = 'queue'", "queue.py: its Enricher has no questions"),
        ("depth.py", OWN, "depth.py: its Enricher's name is 'queue', not 'depth'"),
        (
            "queue.py",
            "class Enricher: name = title = 'queue'; needs = 'luck'; look_up = None",
            "queue.py: its Enricher needs 'luck', which nobody can give it",
        ),
        ("cpu.py", OWN.replace("queue", "cpu"), "cpu.py: there is an enricher of that name already"),
    ],
)
def test_says_what_is_wrong_with_one_of_a_folder(tmp_path: Path, name: str, text: str, reason: str) -> None:
    """By its file's name, and why."""
    (tmp_path / name).write_text(text)
    with pytest.raises(EnricherError) as raised:
        find(tmp_path)
    assert str(raised.value).startswith(reason)


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    """Who set it wants to know."""
    with pytest.raises(EnricherError, match="absent: is no folder"):
        find(tmp_path / "absent")


def test_the_documented_one_works(tmp_path: Path) -> None:
    """The file that docs/enrichment.md shows is found, asks, and reads its finding or says why there is none."""
    text = (ROOT / "docs" / "enrichment.md").read_text(encoding="utf-8")
    (tmp_path / "queue.py").write_text(text.partition("```python\n")[2].partition("```")[0])
    queue = find(tmp_path)["queue"]
    assert isinstance(queue, Asks)
    questions = queue.questions([])
    told = Vector([Sample({"namespace": "shop"}, 12.0)])
    answers = Answers(questions, dict.fromkeys(questions, told), NOW)
    assert ["12 messages"] == [each.text for each in queue.read(alert(namespace="shop"), answers)]
    assert () == queue.read(alert(), answers)
    with pytest.raises(NoAnswer, match="rabbitmq_queue_messages"):
        queue.read(alert(namespace="mail"), answers)


def test_what_can_be_given_can_be_configured() -> None:
    """What an enricher needs is called as the setting that it comes from."""
    needed = {name: needs(each) for name, each in find().items() if needs(each)}
    assert {"events": "kubernetes", "logs": "kubernetes"} == needed
    assert set(needed.values()) <= EnrichmentSettings.model_fields.keys() & {each.name for each in fields(Given)}
