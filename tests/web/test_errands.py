"""What is done while somebody is answered: so much at once, and no more."""

import threading

from web.errands import Errands


def test_runs_an_errand() -> None:
    """And tells what came of it."""
    begun = Errands(1, 0).begin(lambda: 1 + 1)
    assert begun is not None
    assert 2 == begun.result(5)


def test_takes_no_more_than_there_is_room_for() -> None:
    """One that is run, one that waits; there is room again once the first is done, even where it failed."""
    errands = Errands(1, 1)
    may_end = threading.Event()

    def fails() -> None:
        assert may_end.wait(5)
        raise RuntimeError

    first, second = errands.begin(fails), errands.begin(may_end.wait)
    assert first is not None
    assert second is not None
    assert errands.begin(may_end.wait) is None
    may_end.set()
    assert isinstance(first.exception(5), RuntimeError)
    assert second.result(5)
    third = errands.begin(may_end.wait)
    assert third is not None
    assert third.result(5)


def test_takes_none_at_the_end() -> None:
    """The process ends; whoever asks is told so, and does not fail."""
    errands = Errands(1, 0)
    errands._pool.shutdown()
    assert errands.begin(int) is None
    assert errands.begin(int) is None
