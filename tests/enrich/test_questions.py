"""What would be asked, without asking it."""

from collections.abc import Mapping, Sequence

from alerts.model import Alert
from enrich import find, questions
from tests.samples import model_alert

POD = model_alert("A", namespace="customer", pod="p")


class Broken:
    """An enricher whose questions fail."""

    name = title = "broken"

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """Fails."""
        raise ZeroDivisionError("s3cret")

    def read(self, alert: Alert, answers: object) -> tuple[()]:
        """Finds nothing."""
        return ()


def test_each_enricher_says_what_it_asks() -> None:
    """By its name, in PromQL about the alert; those that look elsewhere ask nothing."""
    asked = list(questions(find().values(), [POD]))
    assert {"cpu", "memory", "restarts"} <= {name for name, _ in asked}
    assert not {"neighbours", "logs", "events"} & {name for name, _ in asked}
    assert all('"p"' in promql for name, promql in asked if name == "cpu")


def test_one_that_fails_says_so() -> None:
    """In our own words; the others ask all the same."""
    asked = list(questions([Broken(), *find().values()], [POD]))
    assert ("broken", "# failed: ZeroDivisionError") == asked[0]
    assert len(asked) > 1
