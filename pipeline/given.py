"""What enrichers that look elsewhere are given: what the store knows, and Kubernetes where it is configured."""

from __future__ import annotations

from collections.abc import Collection

import enrich
from alerts.places import Neighbour, Place
from outbox.database import StoreError
from outbox.store import Store


def given(store: Store, kubernetes: enrich.Kubernetes | None = None) -> enrich.Given:
    """What there is to look at."""

    def firing(places: Collection[Place], besides: Collection[str], at_most: int) -> dict[Place, list[Neighbour]]:
        try:
            return store.neighbours(places, besides, at_most)
        except StoreError as error:
            raise enrich.NoAnswer(f"the database does not answer: {error}") from None

    return enrich.Given(firing, kubernetes)
