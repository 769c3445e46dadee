"""One run asks every enricher's questions within one deadline, and gives findings or gaps whatever fails."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from alerts.findings import Finding, Gap, Reading
from alerts.matchers import parse_matchers
from alerts.model import Alert
from enrich import Given, Prometheus, run
from enrich._base import Answers, Gauges, NoAnswer
from enrich._promql import any_of
from enrich._vector import Sample, Vector
from outbound import Http
from tests.enrich.lookup import NOW, alert


@dataclass(frozen=True, slots=True)
class One:
    """An enricher with one question, whose finding is the answer's first value."""

    name: str
    promql: str = "up"
    read_: Callable[[Answers], tuple[Finding, ...]] | None = None
    title: str = "One"

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """Asks the question, whatever the alerts."""
        return {"it": self.promql}

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """Tells the value, or what the test wants."""
        if self.read_:
            return self.read_(answers)
        return (Gap(self.name, self.title, f"{alert.labels['pod']}: {answers['it'].samples[0].value:g}"),)


class Speechless(One):
    """An enricher that cannot say what to ask."""

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """Fails."""
        raise KeyError("pod")


class Mute(One):
    """An enricher that forgets to say anything."""

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """Returns nothing at all."""
        return None  # type: ignore[return-value]  # what it is about


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An enricher that looks elsewhere."""

    look: Callable[[Sequence[Alert]], Sequence[tuple[Finding, ...]]]
    name: str = "elsewhere"
    title: str = "Elsewhere"

    def look_up(
        self, alerts: Sequence[Alert], received: Sequence[datetime], given: Given, deadline_seconds: float
    ) -> Sequence[tuple[Finding, ...]]:
        """Does what the test wants."""
        assert len(alerts) == len(received)
        assert 0 < deadline_seconds <= 5
        return self.look(alerts)


class Server(Prometheus):
    """Answers in process: a value for each query it knows, NoAnswer or another error for the rest."""

    def __init__(self, answers: Mapping[str, float | Exception], http: Http) -> None:
        """Takes answers by query; a query that is not among them is not answered before `released`."""
        super().__init__("http://prometheus.example", http)
        self.answers = answers
        self.asked: list[str] = []
        self.released = threading.Event()

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
        answer = self.answers.get(promql)
        if answer is None:
            self.released.wait(10)
            raise NoAnswer("released")
        if isinstance(answer, Exception):
            raise answer
        return Vector([Sample({}, answer)])


@dataclass(slots=True)
class Runner:
    """Runs enrichers against answers set beforehand."""

    http: Http
    executor: Executor
    asked: list[str] = field(default_factory=list)

    def run(
        self,
        *enrichers: One | Elsewhere,
        answers: Mapping[str, float | Exception] | None,
        pods: Sequence[str] = ("a",),
        timeout_seconds: float = 5.0,
    ) -> list[list[str]]:
        """Returns each alert's findings as "name: text"."""
        server = Server(answers, self.http) if answers is not None else None
        alerts = [alert(pod=pod) for pod in pods]
        try:
            found = run(
                enrichers,
                alerts,
                [server] if server else [],
                received=[NOW] * len(alerts),
                timeout_seconds=timeout_seconds,
                executor=self.executor,
            )
        finally:
            if server:
                server.released.set()
                self.asked = server.asked
        return [[f"{each.name}: {each.text}" for each in findings] for findings in found]


@contextmanager
def running(http: Http, threads: int) -> Iterator[Runner]:
    """Gives a runner with threads of its own."""
    with ThreadPoolExecutor(threads) as executor:
        yield Runner(http, executor)


@pytest.fixture
def runner(http: Http) -> Iterator[Runner]:
    """A runner with four threads."""
    with running(http, 4) as one:
        yield one


def test_finds_for_each_alert_in_order(runner: Runner) -> None:
    """Findings come in the alerts' order, and for each in the enrichers'."""
    found = runner.run(One("cpu", "x"), One("memory", "y"), answers={"x": 1, "y": 2}, pods=["b", "a"])
    assert [["cpu: b: 1", "memory: b: 2"], ["cpu: a: 1", "memory: a: 2"]] == found


def test_asks_each_query_once(runner: Runner) -> None:
    """Two enrichers with the same query share its answer, for any number of alerts."""
    assert 50 == len(runner.run(One("cpu"), One("memory"), answers={"up": 1}, pods=[str(n) for n in range(50)]))
    assert ["up"] == runner.asked


def test_no_alerts_have_no_findings(runner: Runner) -> None:
    """A run about nothing finds nothing."""
    assert [] == runner.run(One("cpu"), answers={"up": 1}, pods=[])


def test_no_enrichers_find_nothing(runner: Runner) -> None:
    """Without enrichers each alert has no findings."""
    assert [[], []] == runner.run(answers={}, pods=["a", "b"])


def test_says_when_no_prometheus_is_configured(runner: Runner) -> None:
    """Without a Prometheus the gap names the variable that would set it."""
    expected = [["cpu: no Prometheus is configured (PROMETHEUS_URL)"]]
    assert expected == runner.run(One("cpu"), answers=None)


def _raise(error: Exception) -> tuple[Finding, ...]:
    raise error


@pytest.mark.parametrize(
    ("enricher", "answer", "expected"),
    [
        (One("bad", "x"), NoAnswer("Prometheus timed out after 2s"), "Prometheus timed out after 2s"),
        (One("bad", "x"), ValueError("boom"), "the enricher failed: ValueError: boom"),
        (Speechless("bad", "x"), 1.0, "the enricher failed: KeyError: 'pod'"),
        (Mute("bad", "x"), 1.0, "the enricher failed: TypeError: 'NoneType' object is not iterable"),
        (One("bad", "x", lambda answers: _raise(NoAnswer("no data"))), 1.0, "no data"),
        (
            One("bad", "x", lambda answers: _raise(ZeroDivisionError("by zero"))),
            1.0,
            "the enricher failed: ZeroDivisionError: by zero",
        ),
        (
            One("bad", "x", lambda answers: None),  # type: ignore[arg-type,return-value]  # what it is about
            1.0,
            "the enricher failed: TypeError: 'NoneType' object is not iterable",
        ),
        (One("bad", "x", lambda answers: _raise(ValueError("x" * 400))), 1.0, None),
    ],
)
def test_one_failing_enricher_is_a_gap(
    runner: Runner, enricher: One, answer: float | Exception, expected: str | None
) -> None:
    """Whatever one enricher does wrong is its own gap, and the other finds what it would."""
    expected = expected or f"the enricher failed: ValueError: {'x' * 300}"[:300]
    found = runner.run(enricher, One("good", "y"), answers={"x": answer, "y": 2}, pods=["a", "b"])
    assert [[f"bad: {expected}", f"good: {pod}: 2"] for pod in "ab"] == found


def test_one_slow_query_costs_only_its_own_finding(runner: Runner) -> None:
    """What was answered in time is told, beside the gap of what was not."""
    before = time.monotonic()
    found = runner.run(One("slow", "x"), One("good", "y"), answers={"y": 2}, timeout_seconds=0.2)
    assert time.monotonic() - before < 0.7
    assert [["slow: Prometheus did not answer within 0.2s", "good: a: 2"]] == found


def test_threads_that_are_all_busy_do_not_hold_it_up(http: Http) -> None:
    """A run ends in time although its questions never got a thread."""
    with running(http, 1) as runner:
        enrichers = [One(str(number), str(number)) for number in range(3)]
        before = time.monotonic()
        found = runner.run(*enrichers, answers={}, timeout_seconds=0.2)
        assert time.monotonic() - before < 0.7
        assert [[f"{number}: Prometheus did not answer within 0.2s" for number in range(3)]] == found


def _pods(alerts: Sequence[Alert]) -> list[tuple[Finding, ...]]:
    return [(Gap("elsewhere", "Elsewhere", each.labels["pod"]),) for each in alerts]


def _no(reason: Exception) -> Callable[[Sequence[Alert]], list[tuple[Finding, ...]]]:
    def look(alerts: Sequence[Alert]) -> list[tuple[Finding, ...]]:
        raise reason

    return look


@pytest.mark.parametrize(
    ("look", "text"),
    [
        (_pods, "a"),
        (_no(NoAnswer("nobody there")), "nobody there"),
        (_no(KeyError("pod")), "the enricher failed: KeyError: 'pod'"),
        (lambda alerts: [], "the enricher failed: ValueError: 0 answers for 1 alerts"),
        (lambda alerts: time.sleep(1), "was not found within 0.3s"),
    ],
    ids=["found", "no answer", "fails", "forgets some", "is slow"],
)
def test_looks_elsewhere_beside(
    runner: Runner, look: Callable[[Sequence[Alert]], Sequence[tuple[Finding, ...]]], text: str
) -> None:
    """Whatever comes of it, the others' findings are there, in the order of the enrichers, and in time."""
    before = time.monotonic()
    found = runner.run(One("x"), Elsewhere(look), One("y"), answers={"up": 2.0}, timeout_seconds=0.3)
    assert time.monotonic() - before < 0.8
    assert [["x: a: 2", f"elsewhere: {text}", "y: a: 2"]] == found


def test_what_hangs_elsewhere_holds_up_no_question(http: Http) -> None:
    """However often: it has threads of its own."""
    may_end = threading.Event()

    def hang(alerts: Sequence[Alert]) -> list[tuple[Finding, ...]]:
        may_end.wait(10)
        return []

    server = Server({"up": 2.0}, http)
    with ThreadPoolExecutor(1) as questions, ThreadPoolExecutor(1) as elsewhere:
        for _ in range(3):
            (found,) = run(
                [Elsewhere(hang), One("x")],
                [alert(pod="a")],
                [server],
                received=[NOW],
                timeout_seconds=0.1,
                executor=questions,
                elsewhere=elsewhere,
            )
            assert ["was not found within 0.1s", "a: 2"] == [each.text for each in found]
        may_end.set()


def test_looks_elsewhere_without_any_prometheus(runner: Runner) -> None:
    """Each alert has its own finding."""
    found = runner.run(Elsewhere(_pods), answers=None, pods=["b", "a"])
    assert [["elsewhere: b"], ["elsewhere: a"]] == found


def test_a_stopping_service_has_gaps(http: Http) -> None:
    """A run whose threads were taken away gives gaps and does not raise."""
    with running(http, 1) as runner:
        runner.executor.shutdown()
        assert [["cpu: the service is stopping"]] == runner.run(One("cpu"), answers={"up": 1})


@dataclass(frozen=True, slots=True)
class Curious(One):
    """An enricher that asks on, about the pods that the first answer names; each alert gets its own."""

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """Asks for all of them."""
        return {"first": Gauges("owner", [any_of("pod", (each.labels["pod"] for each in alerts))])}

    def follow_up(self, alerts: Sequence[Alert], answers: Answers) -> Mapping[str, str]:
        """Asks for what was named."""
        owned = {each.labels["pod"] for each in answers["first"].samples}
        return {"second": any_of("of", owned.intersection(each.labels["pod"] for each in alerts))}

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """Tells the alert's own value."""
        (sample,) = answers["second"].where(pod=alert.labels["pod"])
        return (Reading(self.name, self.title, sample.value, "", answers.at("second"), answers.query("second")),)


class Recorder(Prometheus):
    """Answers each question with a sample for each pod of the test, and remembers when it was asked about."""

    def __init__(self, http: Http, pods: Sequence[str], **settings: Any) -> None:
        """Knows these pods."""
        super().__init__("http://prometheus.example", http, **settings)
        self.pods = pods
        self.asked: list[tuple[str, datetime]] = []
        self.warnings: tuple[str, ...] = ()

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
        self.asked.append((promql, at))
        if "fails" in promql:
            raise NoAnswer("Prometheus timed out after 2s")
        samples = [Sample({"__name__": "owner", "pod": pod}, float(number)) for number, pod in enumerate(self.pods)]
        return Vector(samples, at, self.warnings)


def found(
    executor: Executor,
    alerts: Sequence[Alert],
    *prometheuses: Prometheus,
    enricher: One | None = None,
    received: Sequence[datetime] | None = None,
) -> list[tuple[Finding, ...]]:
    """Returns each alert's findings."""
    received = received or [NOW] * len(alerts)
    enrichers = [enricher or Curious("curious")]
    return run(enrichers, alerts, prometheuses, received=received, timeout_seconds=5.0, executor=executor)


def test_asks_on_with_what_was_answered(http: Http, executor: Executor) -> None:
    """The second round knows the first one's answers; each alert has its own value, with the query about it alone."""
    pods = [f"pod-{number}" for number in range(300)]
    server = Recorder(http, pods)
    readings = found(executor, [alert(pod=pod) for pod in pods], server)
    assert [float(number) for number in range(300)] == [each.value for (each,) in readings if isinstance(each, Reading)]
    assert [any_of("of", pods)] == [promql for promql, _ in server.asked[1:]]
    assert len(server.asked) == 2
    (last,) = readings[-1]
    assert isinstance(last, Reading)
    assert 'of=~"pod-299"' == last.query


def test_what_cannot_be_asked_on_is_a_gap(http: Http, executor: Executor) -> None:
    """With the reason for which the first question was not answered."""

    class Failing(Curious):
        """One whose first question fails."""

        def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
            """Asks what is not answered."""
            return {"first": "fails"}

    ((gap,),) = found(executor, [alert(pod="a")], Recorder(http, ["a"]), enricher=Failing("curious", title="Owner"))
    assert Gap("curious", "Owner", "Prometheus timed out after 2s") == gap


def test_asks_each_about_what_it_knows(http: Http, executor: Executor) -> None:
    """Of several, the first whose matchers fit; an alert that none fits has a gap that says so."""
    west = Recorder(http, ["a", "b"], matchers=parse_matchers('cluster="west"'))
    east = Recorder(http, ["a", "b", "c"], matchers=parse_matchers('cluster=~"east|west"'))
    alerts = [alert(pod="b", cluster="east"), alert(pod="a", cluster="west"), alert(pod="b", cluster="north")]
    told = [[each.text for each in findings] for findings in found(executor, alerts, west, east)]
    assert [["1"], ["0"], ["no Prometheus is configured whose matchers fit the alert"]] == told
    assert (2, 2) == (len(west.asked), len(east.asked))


def test_values_are_of_when_the_alert_was_received(http: Http, executor: Executor) -> None:
    """What was received within five seconds is asked about together, the rest as of its own time."""
    moments = [NOW + timedelta(seconds=seconds) for seconds in (3_600, 0, 4, 3_602, 30)]
    server = Recorder(http, list("abcde"))
    alerts = [alert(pod=pod) for pod in "abcde"]
    readings = [each for (each,) in found(executor, alerts, server, received=moments) if isinstance(each, Reading)]
    asked = {at for _, at in server.asked}
    assert {NOW + timedelta(seconds=seconds) for seconds in (4, 30, 3_602)} == asked
    assert [0.0, 1.0, 2.0, 3.0, 4.0] == [each.value for each in readings]
    late = [abs((each.at - moment).total_seconds()) for each, moment in zip(readings, moments, strict=True)]
    assert max(late) <= 5


def test_says_what_prometheus_warns_of(http: Http, executor: Executor) -> None:
    """Once, beside the first reading."""
    server = Recorder(http, ["a"])
    server.warnings = ("some stores did not answer",)
    ((reading,),) = found(executor, [alert(pod="a")], server)
    assert "0; Prometheus says: some stores did not answer" == reading.text
