"""Neighbours: what else fires is told in one line, the worst first, and never the alert itself."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from alerts.findings import Reading
from alerts.model import Alert
from alerts.places import Neighbour, Place
from alerts.places import places as places_of
from alerts.severity import SEVERITIES, alert_severity
from enrich import Given
from enrich.neighbours import Enricher
from tests.enrich.contract import HOSTILE, LABELS
from tests.enrich.lookup import NOW
from tests.samples import model_alert

CART = {"namespace": "shop", "pod": "cart-1"}
ON_NODE = {**CART, "node": "worker-3"}


def alert(name: str = "CartDown", severity: str = "warning", status: str = "firing", **labels: str) -> Alert:
    """Returns an alert."""
    return model_alert(name, status, severity=severity, **labels)


class Known:
    """Knows what fires, and remembers what it was asked."""

    def __init__(self, *alerts: Alert) -> None:
        """Knows these."""
        self.alerts = alerts
        self.asked: list[tuple[set[Place], set[str], int]] = []

    def __call__(
        self, places: Collection[Place], besides: Collection[str], at_most: int
    ) -> Mapping[Place, Sequence[Neighbour]]:
        """Tells, in no order."""
        self.asked.append((set(places), set(besides), at_most))
        found: dict[Place, list[Neighbour]] = {}
        worst = sorted(self.alerts, key=lambda each: SEVERITIES.index(alert_severity(each)))
        for each in worst:
            for place in places_of(each):
                of_place = found.setdefault(place, [])
                if place in places and each.fingerprint not in besides and len(of_place) < at_most:
                    of_place.append(Neighbour(each.fingerprint, each.name, alert_severity(each)))
        return {place: of_place[::-1] for place, of_place in found.items() if of_place}


def texts(known: Known, *alerts: Alert, received: Sequence[datetime] = ()) -> list[str]:
    """Returns what is told of each alert; all are of one payload unless it is said when each was received."""
    found = Enricher().look_up(alerts, received or [NOW] * len(alerts), Given(known), 2.0)
    return ["; ".join(each.text for each in findings) for findings in found]


def test_tells_each_place_once_the_narrowest_first() -> None:
    """What fires for the pod is told there, and not again of its node and its namespace."""
    known = Known(
        alert("Throttled", **CART),
        alert("CrashLooping", "critical", **ON_NODE),
        alert("DiskPressure", node="worker-3", namespace="monitoring"),
        alert("HighMemory", **{**ON_NODE, "pod": "cart-2"}),
        *(alert("SlowQueries", namespace="shop", pod=f"db-{number}") for number in range(9)),
        alert("Elsewhere", namespace="mail", pod="cart-1"),
    )
    assert [
        "13 alerts; this pod: CrashLooping (critical), Throttled; "
        "node worker-3: DiskPressure, HighMemory; namespace shop: SlowQueries (9)"
    ] == texts(known, alert(**ON_NODE))


def test_the_worst_names_are_told_and_the_rest_counted() -> None:
    """By how bad they are, then how many; of a name of which some are critical it is said how many."""
    known = Known(
        *(alert("Many", number=str(number), **CART) for number in range(7)),
        *(alert("Some", number=str(number), **CART) for number in range(3)),
        *(alert("Bad", severity, number=severity, **CART) for severity in ("critical", "info", "warning")),
        alert("Few", **CART),
        alert("Last", "info", **CART),
    )
    expected = "15 alerts; this pod: Bad (3, 1 critical), Many (7), Some (3) and 2 more"
    assert [expected] == texts(known, alert(**CART))


def test_of_an_instance() -> None:
    """What is no pod is an instance."""
    known = Known(alert("DiskFull", "critical", instance="db-1:9100"))
    assert ["1 alert; this instance: DiskFull (critical)"] == texts(known, alert(instance="db-1:9100"))


@pytest.mark.parametrize(
    "about",
    [
        pytest.param(alert(**CART), id="alone"),
        pytest.param(alert(), id="nowhere"),
        pytest.param(alert(status="resolved", **ON_NODE), id="over"),
        pytest.param(alert(cluster="b", **ON_NODE), id="in another cluster"),
    ],
)
def test_tells_nothing(about: Alert) -> None:
    """No "0 alerts": where nothing else fires there is no line at all."""
    known = Known(alert(cluster="a", **ON_NODE), alert("Other", **{**ON_NODE, "namespace": "mail"}, cluster="a"))
    assert [""] == texts(known, about)


def test_asks_nothing_where_nothing_is_to_be_known() -> None:
    """Of what is over, or nowhere; of all others once, beside all that are in hand."""
    known = Known()
    texts(known, alert(), alert(status="resolved", **CART))
    assert [] == known.asked
    over, fires = alert("Over", status="resolved", **CART), alert(namespace="mail")
    texts(known, over, fires)
    assert [({Place("namespace", "", "", "mail")}, {over.fingerprint, fires.fingerprint}, 100)] == known.asked


def test_is_no_neighbour_of_itself() -> None:
    """Neither as it is known already, nor as another receiver's copy that is in hand."""
    about = alert(**CART)
    assert ["", ""] == texts(Known(about), about, about, received=[NOW, NOW + timedelta(seconds=1)])


def test_those_of_the_same_payload_are_none() -> None:
    """Its message lists them; those of another payload in hand are, though they are not known yet."""
    mine, beside = alert(**CART), alert("Beside", **CART)
    later = alert("Later", "critical", **CART)
    received = [NOW, NOW, NOW + timedelta(milliseconds=5)]
    assert [
        "1 alert; this pod: Later (critical)",
        "1 alert; this pod: Later (critical)",
        "2 alerts; this pod: Beside, CartDown",
    ] == texts(Known(), mine, beside, later, received=received)


def test_what_has_ended_meanwhile_is_none() -> None:
    """What is in hand as over is not told, though it is known to fire."""
    known = Known(alert("Other", **CART))
    over = alert("Other", status="resolved", **CART)
    assert ["", ""] == texts(known, alert(**CART), over, received=[NOW, NOW + timedelta(seconds=1)])


def test_one_in_several_groups_counts_once() -> None:
    """The store knows it once for each."""
    twice = alert("Twice", **CART)
    assert ["1 alert; this pod: Twice"] == texts(Known(twice, twice), alert(**CART))


def test_says_that_there_may_be_more() -> None:
    """Of hundreds only the worst are looked at, and the number is honest."""
    known = Known(
        *(alert("Storm", number=str(number), **CART) for number in range(500)), alert("A", "critical", **CART)
    )
    assert ["100 alerts or more; this pod: A (critical), Storm (99)"] == texts(known, alert(**CART))


def test_a_storm_in_hand_is_bounded() -> None:
    """Two thousand payloads of one alert each: as many are told as of any others, and fewer are asked for."""
    known = Known()
    alerts = [alert("Storm", namespace="shop", pod=f"p-{number}") for number in range(2_000)]
    found = texts(known, *alerts, received=[NOW + timedelta(milliseconds=number) for number in range(2_000)])
    assert {"100 alerts or more; namespace shop: Storm (100)"} == set(found)
    assert [(2_001, 2_000, 9)] == [(len(asked), len(besides), at_most) for asked, besides, at_most in known.asked]


@pytest.mark.parametrize("odd", HOSTILE, ids=range(len(HOSTILE)))
def test_any_label_is_told_on_one_short_line(odd: str) -> None:
    """Names of any length with anything in them."""
    labels = dict.fromkeys(LABELS, odd)
    known = Known(*(alert(odd + str(number), **labels) for number in range(9)))
    (found,) = Enricher().look_up([alert(**labels)], [NOW], Given(known), 2.0)
    (reading,) = found
    assert isinstance(reading, Reading)
    assert 9 == reading.value
    assert reading.text.isprintable()
    assert len(reading.text) < 600
