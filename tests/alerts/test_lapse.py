"""Alerts taken for over, and a group as a payload."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerts.known import with_hidden
from alerts.lapse import lapsed, rendered
from alerts.model import Alert, AlertGroup
from alerts.payload import parse
from tests.samples import NOW, model_alert

LATER = NOW + timedelta(hours=6)
A, B = model_alert(pod="a"), model_alert(pod="b")


def test_lapsed_alerts_are_over() -> None:
    """Each alert is over since then, in the group that it fired in."""
    group = lapsed("g", [A, B], LATER)

    assert ("g", "resolved", 0) == (group.group_key, group.status, group.truncated_alerts)
    assert [(A.fingerprint, NOW, LATER), (B.fingerprint, NOW, LATER)] == [
        (each.fingerprint, each.starts_at, each.ends_at) for each in group.resolved
    ]
    assert {"alertname": "Crash"} == group.common_labels
    assert {"summary": "Crash happened."} == group.common_annotations


def test_lapse_of_some_is_not_the_groups_end() -> None:
    """Where others are known to fire, the lapsed ones' payload hides them, so that the group fires on."""
    group = with_hidden(lapsed("g", [A], LATER, others_firing=1), [B])

    assert ("firing", (B,), 0) == (group.status, group.firing, group.truncated_alerts)


def test_lapse_is_read_as_any_payload() -> None:
    """What is written of a lapse is read back, whenever that is."""
    group = lapsed("g", [A, B], LATER)

    assert (group,) == parse(rendered(group), LATER + timedelta(days=1))


_TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["\\ud83d", "🔥", "\x00", '"', "\u2028"])
_NAMED = _TEXTS.filter(bool)
_PAIRS = st.dictionaries(_TEXTS, _TEXTS, max_size=4)
# Year 1 is how "not yet" is written.
_TIMES = st.datetimes(datetime(2, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
_FINGERPRINTS = _NAMED.filter(lambda text: len(text) <= 256)
_FIRING = st.builds(
    Alert,
    st.dictionaries(_TEXTS, _TEXTS, min_size=1, max_size=4),
    _PAIRS,
    st.just("firing"),
    _TIMES,
    st.none(),
    _TEXTS,
    _FINGERPRINTS,
)
_OVER = st.builds(
    Alert,
    st.dictionaries(_TEXTS, _TEXTS, min_size=1, max_size=4),
    _PAIRS,
    st.just("resolved"),
    _TIMES,
    _TIMES,
    _TEXTS,
    _FINGERPRINTS,
)
_GROUPS = st.builds(
    AlertGroup,
    _NAMED,
    st.lists(_FIRING | _OVER, min_size=1, max_size=4).map(tuple),
    _PAIRS,
    _PAIRS,
    _PAIRS,
    _TEXTS,
    _TEXTS,
    st.integers(0, 2**64 - 1),
    _TEXTS,
)


@given(_GROUPS)
def test_any_group_is_read_as_it_was_written(group: AlertGroup) -> None:
    """Whatever the texts and times of a group: what is written of it is read as an equal group."""
    assert (group,) == parse(rendered(group), NOW)
