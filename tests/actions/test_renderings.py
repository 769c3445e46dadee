"""What is told of the README's alert, as `docs/renderings` has it: a message that is changed is seen to be."""

import pytest

from scripts.renderings import FOLDER, renderings

RENDERED = dict(renderings())


@pytest.mark.parametrize("name", sorted(RENDERED))
def test_is_as_it_was_kept(name: str) -> None:
    """`python -m scripts.renderings` writes them anew."""
    assert (FOLDER / name).read_text(encoding="utf-8").splitlines() == RENDERED[name].splitlines()


def test_keeps_no_more() -> None:
    """Each file is one of these."""
    assert sorted(RENDERED) == sorted(each.name for each in FOLDER.iterdir())
