"""That somebody has taken a group over, as an event's body."""

from datetime import timedelta

import pytest

from alerts import taken
from alerts.timeline import Acknowledgement
from tests.samples import NOW


@pytest.mark.parametrize(
    "acknowledgement",
    [
        Acknowledgement("<!channel> \u202e", NOW, "slack"),
        Acknowledgement("jane", NOW, "pagerduty", resolved=True),
        Acknowledgement("jane", NOW, "slack", silenced_until=NOW + timedelta(hours=1)),
    ],
)
def test_comes_back_as_it_was(acknowledgement: Acknowledgement) -> None:
    """Whatever it says."""
    body = taken.rendered("a\nkey", acknowledgement)
    assert ("a\nkey", acknowledgement) == (taken.group_of(body), taken.acknowledgement_of(body))


def test_names_a_group_alone() -> None:
    """Where nobody has taken it over."""
    body = taken.rendered("key")
    assert ("key", None) == (taken.group_of(body), taken.acknowledgement_of(body))


@pytest.mark.parametrize("body", [b"[]", b"{}", b"1"])
def test_refuses_what_names_no_group(body: bytes) -> None:
    """An event of another kind."""
    with pytest.raises(ValueError, match="names no group"):
        taken.group_of(body)


@pytest.mark.parametrize("body", [b"1", b'{"acknowledgement": {"by": 1}}', b'{"acknowledgement": null}'])
def test_refuses_what_is_none(body: bytes) -> None:
    """Of another version."""
    with pytest.raises(ValueError, match="is no acknowledgement"):
        taken.acknowledgement_of(body)
