"""Answers are given by their question's name."""

import pytest

from enrich._base import Answers, NoAnswer
from enrich._vector import Vector
from tests.enrich.lookup import NOW

UP = Vector()
ANSWERS = Answers({"use": "up", "limit": "up == 2"}, {"use": UP, "limit": NoAnswer("Prometheus timed out")}, NOW)


def test_gives_answers_by_name() -> None:
    """An answer, its query and its moment are at hand."""
    assert (UP, "up", NOW) == (ANSWERS["use"], ANSWERS.query("use"), ANSWERS.at("use"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("limit", "Prometheus timed out"), ("request", 'the question "request" was not asked')],
)
def test_says_why_there_is_no_answer(name: str, reason: str) -> None:
    """A failed or a missing answer is NoAnswer with its reason, each time."""
    for _ in range(2):
        with pytest.raises(NoAnswer) as raised:
            ANSWERS[name]
        assert reason == str(raised.value)
