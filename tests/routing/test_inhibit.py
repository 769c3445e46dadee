"""Inhibition: by itself, and as a real Alertmanager does it."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.matchers import Matcher
from alerts.model import fingerprint
from config.inhibition import InhibitRule
from routing import Inhibition
from tests.far_sides.alertmanager import Alertmanager
from tests.service import eventually

RECEIVERS = [{"name": "root"}]


def rule(**keys: Any) -> InhibitRule:
    """A rule as a file has it."""
    return InhibitRule.model_validate(keys)


def inhibited(rules: Sequence[InhibitRule], firing: Sequence[Mapping[str, str]]) -> list[str | None]:
    """By which rule each of some alerts is inhibited, while all of them fire."""
    inhibition = Inhibition(rules)
    sources: dict[str, str] = {}
    for labels in firing:
        sources |= dict.fromkeys(inhibition.source_scopes(labels), fingerprint(labels))
    found = [inhibition.inhibited(labels, sources) for labels in firing]
    return [None if each is None else each.rule for each in found]


CRITICAL = rule(
    name="worse",
    source_matchers=["severity=critical"],
    target_matchers=["severity=warning"],
    equal=["alertname", "node"],
)


def alert(name: str, severity: str, **labels: str) -> dict[str, str]:
    """An alert's labels."""
    return {"alertname": name, "severity": severity, **labels}


@pytest.mark.parametrize(
    ("rules", "firing", "expected"),
    [
        ([], [alert("A", "critical")], [None]),
        ([CRITICAL], [alert("A", "critical"), alert("A", "warning")], [None, "worse"]),
        ([CRITICAL], [alert("A", "warning")], [None]),
        ([CRITICAL], [alert("A", "critical", node="n"), alert("A", "warning", node="m")], [None, None]),
        ([CRITICAL], [alert("A", "critical", node=""), alert("A", "warning")], [None, "worse"]),
        ([CRITICAL], [alert("A", "critical"), alert("B", "warning")], [None, None]),
        # Without `equal` any source will do.
        (
            [rule(source_match={"a": "1"}, target_match={"b": "1"})],
            [{"a": "1"}, {"b": "1"}],
            [None, "inhibit_rules[0]"],
        ),
        # What is both inhibits what is only a target, and is not inhibited by another such, nor by itself.
        ([rule(source_matchers=["a=1"], target_matchers=["b=1"])], [{"a": "1", "b": "1"}], [None]),
        (
            [rule(source_matchers=["a=1"], target_matchers=["b=1"])],
            [{"a": "1", "b": "1"}, {"a": "1", "b": "1", "c": "1"}, {"b": "1"}],
            [None, None, "inhibit_rules[0]"],
        ),
        (
            [rule(source_matchers=["a=1"], target_matchers=["b=1"])],
            [{"a": "1", "b": "1"}, {"a": "1"}],
            ["inhibit_rules[0]", None],
        ),
        # The first rule that does is named.
        (
            [
                rule(source_match_re={"a": "2|3"}, target_matchers=["b=1"]),
                CRITICAL,
                rule(name="x", target_match={"b": "1"}),
            ],
            [{"a": "1"}, {"b": "1"}],
            [None, "x"],
        ),
        # A label that is missing is empty, and so met by what wants it so.
        ([rule(source_matchers=["a=1"], target_match={"a": ""})], [{"a": "1"}, {"c": "1"}], [None, "inhibit_rules[0]"]),
    ],
)
def test_inhibits(rules: list[InhibitRule], firing: list[Mapping[str, str]], expected: list[str | None]) -> None:
    """While a source fires with the same values of the labels that are to be equal."""
    assert expected == inhibited(rules, firing)


def test_says_by_what() -> None:
    """The rule and the source's fingerprint."""
    inhibition, source = Inhibition([CRITICAL]), alert("A", "critical")
    sources = dict.fromkeys(inhibition.source_scopes(source), fingerprint(source))
    found = inhibition.inhibited(alert("A", "warning"), sources)
    assert found is not None
    assert f"inhibited by worse, as alert {fingerprint(source)} fires" == found.text


def test_a_rule_is_itself_whatever_it_is_called() -> None:
    """And in whatever order and way it is written; another one is another."""
    same = rule(
        source_match={"severity": "critical"},
        target_matchers=["{severity=warning}"],
        equal=["node", "alertname", "node"],
    )
    assert CRITICAL.id == same.id
    assert CRITICAL.id != rule(source_match={"severity": "critical"}, target_match={"severity": "warning"}).id


NAMES = st.sampled_from("abc")
VALUES = st.sampled_from(["x", "y", "xy", ""])


def _matcher(name: str, operator: Any, value: str) -> str:
    return str(Matcher(name, operator, value))


MATCHERS = st.lists(st.builds(_matcher, NAMES, st.sampled_from(["=", "!=", "=~", "!~"]), VALUES), max_size=2)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "source_matchers": MATCHERS,
        "target_matchers": MATCHERS,
        "source_match": st.dictionaries(NAMES, VALUES, max_size=1),
        "target_match": st.dictionaries(NAMES, VALUES, max_size=1),
        "source_match_re": st.dictionaries(NAMES, st.sampled_from(["x|y", "x.*", ""]), max_size=1),
        "target_match_re": st.dictionaries(NAMES, st.sampled_from(["x|y", "x.*", ""]), max_size=1),
        "equal": st.lists(NAMES, max_size=2, unique=True),
    },
)
LABELS = st.dictionaries(NAMES, st.sampled_from(["x", "y", "xy"]), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """One for all examples."""
    with ExitStack() as stack:
        document = {"route": {"receiver": "root"}, "receivers": RECEIVERS}
        yield stack.enter_context(Alertmanager(tmp_path_factory.mktemp("inhibit"), config_yaml=json.dumps(document)))


@settings(max_examples=40, deadline=None)
@given(
    cases=st.lists(
        st.tuples(RULES, st.lists(LABELS, min_size=1, max_size=6, unique_by=lambda each: tuple(sorted(each.items())))),
        min_size=10,
        max_size=20,
    )
)
def test_inhibits_what_alertmanager_inhibits(
    alertmanager: Alertmanager, cases: list[tuple[dict[str, Any], Any]]
) -> None:
    """Several rules with alerts of their own, which a label keeps apart."""
    # Alerts of earlier examples fire on.
    example = uuid.uuid4().hex
    rules, firing = [], []
    for number, (keys, alerts) in enumerate(cases):
        case = f'case="{example}{number}"'
        matchers = {side: [*keys.get(side, []), case] for side in ("source_matchers", "target_matchers")}
        rules.append({**keys, **matchers})
        firing += [{**each, "case": f"{example}{number}", "alertname": "A"} for each in alerts]
    document = {"route": {"receiver": "root"}, "receivers": RECEIVERS, "inhibit_rules": rules}
    (alertmanager.folder / "alertmanager.yml").write_text(json.dumps(document))
    with requests.Session() as session:
        session.trust_env = False
        loaded = session.post(f"{alertmanager.url}/-/reload", timeout=10)
        assert 200 == loaded.status_code, loaded.text
        alertmanager.post_alerts([{"labels": each} for each in firing])

        def theirs() -> list[bool]:
            found = session.get(f"{alertmanager.url}/api/v2/alerts", timeout=10).json()
            by_name = {each["fingerprint"]: bool(each["status"]["inhibitedBy"]) for each in found}
            return [by_name[fingerprint(each)] for each in firing]

        ours = [each is not None for each in inhibited([rule(**each) for each in rules], firing)]
        # It hears of what inhibits by itself, in its own time.
        with suppress(AssertionError):
            eventually(lambda: theirs() == ours, "the same")
        assert theirs() == ours
