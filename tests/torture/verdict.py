"""What is wrong with what arrived, given what was accepted. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.torture.far_side import Arrival
from tests.torture.groups import State


@dataclass
class Verdict:
    """What a judge found.

    Attributes:
        wrong: broken promises, in words.
        late: older states that arrived after newer ones, in words.
        frozen: those of them that a process may have sent which was frozen between the check of its lease and the
            system call; docs/design.md states that these remain.
        repeats: arrivals that told what had been taken already.
        needless: resolves of what no trigger had arrived of.
        unnamed: ends that were told only by not naming the alert among those that fire any more.
    """

    wrong: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)
    repeats: int = 0
    needless: int = 0
    unnamed: int = 0


def judge(
    histories: Mapping[str, Sequence[State]],
    arrivals: Sequence[Arrival],
    delivered: Sequence[State] = (),
    thaws: Sequence[tuple[float, float]] = (),
) -> Verdict:
    """Judges a run that has come to rest.

    Args:
        histories: each group's accepted states, in order.
        arrivals: in order.
        delivered: the states that the service says it has delivered.
        thaws: from when until when a thawed process may send what it had begun to before it was frozen.
    """
    verdict = Verdict()
    by_key: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        by_key[arrival.key].append(arrival)
    keys: dict[str, str] = {}
    for key, of_key in by_key.items():
        groups = {arrival.group for arrival in of_key if arrival.action == "trigger"}
        if len(groups) > 1 or not groups.isdisjoint(keys):
            verdict.wrong.append(f"keys and groups are mixed up: {key} of {sorted(groups)}")
        keys |= dict.fromkeys(groups, key)
        verdict.needless += len(of_key) if not groups else 0
    for group, history in histories.items():
        if history:
            of_group = by_key.get(keys.get(group, ""), [])
            _truth(history, of_group, verdict)
            _order(history, of_group, thaws, verdict)
            _end(history[-1], of_group, verdict)
    for state in delivered:
        _delivered(state, by_key.get(keys.get(state.group, ""), []), verdict)
    return verdict


def _truth(history: Sequence[State], arrivals: Sequence[Arrival], verdict: Verdict) -> None:
    """What is told of a state is what that state was, and each end is told of."""
    firing: frozenset[str] = frozenset()
    before: tuple[str, int] | None = None
    for arrival in arrivals:
        if arrival.action == "trigger" and not 0 < arrival.version <= len(history):
            verdict.wrong.append(f"{arrival.group}: state {arrival.version} was never accepted")
            continue
        if arrival.action == "trigger" and arrival.firing != history[arrival.version - 1].firing:
            wanted = sorted(history[arrival.version - 1].firing)
            verdict.wrong.append(
                f"{arrival.group} state {arrival.version}: {sorted(arrival.firing)} fire, not {wanted}"
            )
        if not arrival.taken:
            continue
        verdict.repeats += (arrival.action, arrival.version) == before
        before = (arrival.action, arrival.version)
        if arrival.action == "trigger":
            verdict.unnamed += len(firing - arrival.firing - arrival.resolved)
        firing = arrival.firing


def _order(
    history: Sequence[State], arrivals: Sequence[Arrival], thaws: Sequence[tuple[float, float]], verdict: Verdict
) -> None:
    """No older state arrives after a newer one, whether either was taken or not.

    A resolve does not say which state it tells: it is taken for the earliest that it can be.
    """
    newest = 0
    for number, arrival in enumerate(arrivals):
        version = arrival.version if arrival.action == "trigger" else _resolve(history, newest, arrival.at)
        if version is None or version < newest:
            around = ", ".join(_described(arrivals[max(0, number - 4) : number + 3]))
            late = f"{arrival.action} {version or ''} at {arrival.at:.3f} after {newest}"
            what = f"{history[0].group}: {late}: {around}"
            frozen = any(begin <= arrival.at <= end for begin, end in thaws)
            (verdict.frozen if frozen else verdict.late).append(what)
        else:
            newest = version


def _resolve(history: Sequence[State], newest: int, at: float) -> int | None:
    """The first state, of that version or a later one, that is over and had been posted by then."""
    for state in history[max(0, newest - 1) :]:
        if not state.firing and state.posted_at <= at:
            return state.version
    return None


def _delivered(state: State, arrivals: Sequence[Arrival], verdict: Verdict) -> None:
    """What is recorded as delivered was taken: the very state, or a resolve between the states around it."""
    if not arrivals and not state.firing:
        # The resolve of what no trigger had arrived of: it has no words that tell whose it is.
        return
    newer = [number for number, arrival in enumerate(arrivals) if arrival.version > state.version]
    until_newer = arrivals[: newer[0]] if newer else arrivals
    if not any(
        arrival.taken and arrival.version == (state.version if state.firing else 0) and arrival.at >= state.posted_at
        for arrival in until_newer
    ):
        verdict.wrong.append(f"{state.group}: state {state.version} counts as delivered, and PagerDuty did not take it")


def _end(last: State, arrivals: Sequence[Arrival], verdict: Verdict) -> None:
    """What was accepted last is what PagerDuty was told last."""
    taken = [arrival for arrival in arrivals if arrival.taken]
    told = f"the last that PagerDuty took: {', '.join(_described(taken[-5:])) or 'nothing'}"
    if last.firing:
        wanted = ("trigger", last.version)
        if not taken or (taken[-1].action, taken[-1].version) != wanted:
            verdict.wrong.append(f"{last.group}: ends firing in state {last.version}; {told}")
    elif any(arrival.action == "trigger" for arrival in taken) and taken[-1].action != "resolve":
        verdict.wrong.append(f"{last.group}: ends resolved in state {last.version}; {told}")


def _described(arrivals: Iterable[Arrival]) -> Iterator[str]:
    for arrival in arrivals:
        fate = "" if arrival.answered else " taken unanswered" if arrival.taken else " not taken"
        yield f"{arrival.action} {arrival.version or ''}{fate} at {arrival.at:.3f}"
