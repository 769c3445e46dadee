"""Go templates made by chance render as a real amtool renders them."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templating import TemplateError
from templating.dialect import is_go
from tests.templating import amtool
from tests.templating.go_texts import go_text, payload


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_renders_as_amtool_does(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """What it takes, we take, and write the same; what it refuses is not our concern."""
    dice = Random(seed)
    texts = [text for text in (go_text(dice) for _ in range(60)) if _is_go(text)]
    data = payload(dice)
    for text, expected in zip(texts, amtool.rendered(tmp_path_factory.mktemp("amtool"), texts, data), strict=True):
        if not expected.startswith("ERROR"):
            assert (text, expected) == (text, _ours(text, data))


def _is_go(text: str) -> bool:
    try:
        return is_go(text)
    except TemplateError:
        # What it holds is Go's all the same, and the test says so.
        return True


def _ours(text: str, data: dict[str, object]) -> str:
    try:
        return amtool.ours(text, data)
    except TemplateError as error:
        return f"ERROR {error}"
