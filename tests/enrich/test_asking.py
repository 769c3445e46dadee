"""Questions are asked once, gauges together, and each gets its own answer."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime

import pytest

from enrich import Prometheus
from enrich._asking import Asking, Moment, merged
from enrich._base import Gauges, NoAnswer, Question
from enrich._vector import Sample, Vector
from outbound import Http
from tests.enrich.lookup import NOW, Cluster


class Server(Prometheus):
    """Answers as the test says, and remembers what it was asked."""

    def __init__(self, http: Http, answer: Callable[[str], Vector]) -> None:
        """Answers nothing yet."""
        super().__init__("http://prometheus.example", http)
        self.asked: list[str] = []
        self._answer = answer

    def query(
        self,
        promql: str,
        at: datetime,
        deadline_seconds: float,
        *,
        earliest: datetime | None = None,
        foreign: bool = False,
    ) -> Vector:
        """Answers one query."""
        self.asked.append(promql)
        return self._answer(promql)


@pytest.fixture
def threads() -> Iterator[Executor]:
    """Threads of the test's own."""
    with ThreadPoolExecutor(4) as made:
        yield made


def asking(threads: Executor, seconds: float = 5.0) -> Asking:
    """Returns one with so much time."""
    return Asking(threads, time.monotonic() + seconds, seconds)


def values(answer: Vector | NoAnswer) -> list[float]:
    """Returns the values of an answer that there is."""
    assert isinstance(answer, Vector), answer
    return sorted(sample.value for sample in answer.samples)


REQUESTS, LIMITS = (Gauges(f"{kind}s", ['pod="a"']) for kind in ("request", "limit"))
NODES = Gauges("nodes", ['node="n"'])


def test_gauges_become_one_query(http: Http, threads: Executor) -> None:
    """Those of one selection in one selector; each question gets the series of its own name."""
    server = Server(
        http,
        lambda _: Vector(Sample({"__name__": name}, at) for at, name in enumerate(("requests", "limits", "limits"))),
    )
    of, moment = asking(threads), Moment(server, NOW, NOW)
    of.add(moment, [REQUESTS, "up", LIMITS, NODES, REQUESTS])
    of.begin()
    of.wait()
    together = '{__name__=~"nodes",node="n"} or {__name__=~"limits|requests",pod="a"}'
    assert sorted([together, "up"]) == sorted(server.asked)
    found = [values(of.answer(moment, each)) for each in (REQUESTS, LIMITS, NODES, "up")]
    assert [[0.0], [1.0, 2.0], [], [0.0, 1.0, 2.0]] == found


def test_one_gauge_is_asked_for_as_it_is(http: Http, threads: Executor) -> None:
    """There is nothing to put it together with."""
    server = Server(http, lambda _: Vector([Sample({"__name__": "nodes"}, 3)]))
    of, moment = asking(threads), Moment(server, NOW, NOW)
    of.add(moment, [NODES])
    of.begin()
    of.wait()
    assert (['nodes{node="n"}'], [3.0]) == (server.asked, values(of.answer(moment, NODES)))


def test_what_was_asked_is_not_asked_again(http: Http, threads: Executor) -> None:
    """A follow-up with the question of somebody else's gets that one's answer."""
    server = Server(http, lambda promql: Vector([Sample({}, len(promql))]))
    of, moment = asking(threads), Moment(server, NOW, NOW)
    for questions in (["up"], ["up", "down"]):
        of.add(moment, questions)
        of.begin()
    of.wait()
    assert ["down", "up"] == sorted(server.asked)


def test_asks_by_other_names_for_what_is_missing(http: Http, threads: Executor) -> None:
    """Where the answer is empty, or a pod is not in it; and what was found by either name is the answer."""

    def answer(promql: str) -> Vector:
        if promql.startswith("fails"):
            raise NoAnswer("Prometheus timed out")
        pods = {"usual": ["a"], "moved": ["b"]}.get(promql.partition(" ")[0], [])
        return Vector(Sample({"pod": pod}, 1) for pod in pods)

    server = Server(http, answer)
    of, moment = asking(threads), Moment(server, NOW, NOW)
    whole, partly = Question("usual 1", ["moved 1"], ["a"]), Question("usual 2", ["moved 2"], ["a", "b"])
    empty, failing = Question("nothing", ["moved 3"]), Question("usual 4", ["fails"], ["a", "b"])
    none, like, unlike = (
        Question("fails first", ["moved 5"]),
        Question("usual 6", ["moved 6"], like=partly),
        Question("nothing 7", ["moved 7"], like=whole),
    )
    questions = [whole, partly, empty, failing, none, like, unlike]
    of.add(moment, questions)
    for ask in (of.begin, of.ask_otherwise):
        ask()
        of.wait((moment, each) for each in questions)
    assert sorted(["moved 2", "moved 3", "moved 6", "fails"]) == sorted(server.asked[7:])
    told = [of.answer(moment, each) for each in questions]
    assert ["a", "ab", "b", "a", "Prometheus timed out", "ab", ""] == [
        "".join(sample.labels["pod"] for sample in each.samples) if isinstance(each, Vector) else str(each)
        for each in told
    ]


def test_waits_for_what_is_needed_only(http: Http, threads: Executor) -> None:
    """Who can follow up does so while another question hangs."""
    gate = threading.Event()
    server = Server(http, lambda promql: Vector([Sample({}, 1)] if promql == "up" or gate.wait(10) else []))
    of, moment = asking(threads, 0.5), Moment(server, NOW, NOW)
    of.add(moment, ["up", "slow"])
    of.begin()
    begun = time.monotonic()
    of.wait([(moment, "up"), (moment, "never asked")])
    assert time.monotonic() - begun < 0.4
    of.wait()
    gate.set()
    assert [1.0] == values(of.answer(moment, "up"))
    assert "Prometheus did not answer within 0.5s" == str(of.answer(moment, "slow"))


def test_what_has_no_thread_yet_is_still_asked(http: Http) -> None:
    """Who looks whether something is missing does not let go of what waits; that is done when the time is over."""
    gate = threading.Event()
    server = Server(http, lambda promql: Vector([Sample({}, 1)] if promql == "up" or gate.wait(10) else []))
    moment = Moment(server, NOW, NOW)
    with ThreadPoolExecutor(1) as alone:
        of = asking(alone, 0.5)
        waits = Question("down", ["otherwise"])
        of.add(moment, ["up", "slow", waits, Question("up", ["more"], like=waits)])
        of.begin()
        of.wait([(moment, "up")])
        of.ask_otherwise()
        gate.set()
        of.wait()
        assert isinstance(of.answer(moment, waits), Vector)
        gate.clear()
        late = asking(alone, 0.2)
        late.add(moment, ["slow 1", "slow 2"])
        late.begin()
        late.end()
        expected = "Prometheus did not answer within 0.2s"
        assert [expected] * 2 == [str(late.answer(moment, f"slow {number}")) for number in (1, 2)]
        gate.set()
    assert "slow 2" not in server.asked


def test_nobody_to_ask_is_the_answer(threads: Executor) -> None:
    """Where no Prometheus is, the reason is each question's answer."""
    of, nobody = asking(threads), Moment(None, NOW, NOW, "no Prometheus is configured")
    of.add(nobody, ["up"])
    of.begin()
    of.wait()
    assert "no Prometheus is configured" == str(of.answer(nobody, "up"))


def test_a_real_prometheus_tells_them_apart(cluster: Cluster, http: Http, threads: Executor) -> None:
    """Series that differ in nothing but their names, asked for by one selection, all come back."""
    cluster.exporter.set("asking_a", {"pod": "asking-1"}, 1)
    cluster.exporter.set("asking_b", {"pod": "asking-1"}, 2)
    cluster.exporter.set("asking_b", {"exported_pod": "asking-1", "pod": "exporter"}, 3)
    cluster.scraped()
    of, moment = asking(threads), Moment(Prometheus(cluster.server.url, http), datetime.now(NOW.tzinfo), NOW)
    usual, moved = 'pod="asking-1"', 'exported_pod="asking-1"'
    a, b = Gauges("asking_a", [usual, moved]), Gauges("asking_b", [usual, moved], ["asking-1", "asking-2"])
    assert '{__name__=~"asking_a|asking_b",pod="asking-1"}' == merged([a, b])
    of.add(moment, [a, b])
    for ask in (of.begin, of.ask_otherwise):
        ask()
        of.wait()
    assert ([1.0], [2.0, 3.0]) == (values(of.answer(moment, a)), values(of.answer(moment, b)))
