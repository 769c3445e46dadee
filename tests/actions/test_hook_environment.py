"""An alert's labels as variables, of which the kubelet makes what the alert holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions._hook_environment import UnfitAlert, literal, variable, variables
from tests.actions.notifications import alert
from tests.far_sides.kubernetes_jobs import expanded

DOLLARS = st.text(st.sampled_from("$()aA_ \n")) | st.text(st.characters(exclude_categories=["Cs"]))


@given(DOLLARS)
def test_the_kubelet_makes_the_value_of_it_again(value: str) -> None:
    """Whatever it holds, though every name that it could refer to is known."""
    known = dict.fromkeys(("", "a", "A", "aA", "a(", "$", "_"), "another")
    assert value == expanded(literal(value), known)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("pod", "ALERT_LABEL_POD"),
        ("app.kubernetes.io/name", "ALERT_LABEL_APP_KUBERNETES_IO_NAME"),
        ("__name__", "ALERT_LABEL___NAME__"),
        ("camelCase9", "ALERT_LABEL_CAMELCASE9"),
        ("größe ß=x\n", "ALERT_LABEL_GR__E___X_"),
        ("", "ALERT_LABEL_"),
    ],
)
def test_names_a_variable(label: str, expected: str) -> None:
    """Capital letters, digits and _: what else a label's name may hold is one of the last."""
    assert expected == variable(label)


@given(st.dictionaries(st.text(max_size=20), DOLLARS, max_size=5))
def test_holds_each_label_or_says_why_not(labels: dict[str, str]) -> None:
    """None is lost, and none takes another's place."""
    about = alert({name.encode(errors="replace").decode(): value for name, value in labels.items()})
    try:
        found = variables(about, "r1")
    except UnfitAlert:
        same = len({variable(name) for name in about.labels}) < len(about.labels)
        assert same or any("\0" in value for value in (about.name, *about.labels.values()))
        return
    assert sorted(about.labels.values()) == sorted(
        value for name, value in found.items() if name.startswith("ALERT_LABEL_")
    )
    assert ("r1", about.name) == (found["REMEDIATION_TOKEN"], found["ALERT_NAME"])


def test_a_label_takes_no_variable_of_ours() -> None:
    """Whatever it is called, it stands behind a prefix of its own."""
    found = variables(alert({"alertname": "A", "REMEDIATION_TOKEN": "x", "PATH": "y", "ALERT_NAME": "z"}), "r1")
    assert ("r1", "A") == (found["REMEDIATION_TOKEN"], found["ALERT_NAME"])
    assert "PATH" not in found
