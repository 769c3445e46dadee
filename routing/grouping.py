"""Groups of alerts that came without a group key, by the `group_by` of the routes that they take."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from alerts.model import ALONE, TOGETHER, Alert, AlertGroup, common
from config.schema import Route
from routing.tree import take

_ALL = "..."


def regrouped(root: Route, groups: Iterable[AlertGroup]) -> tuple[AlertGroup, ...]:
    """Put bare alerts into the groups that the routes make of them; groups of an upstream stay as they are.

    Each route that an alert takes may want it in another group. Without a `group_by` it is a group of its own.

    Returns:
        Groups in the order of their first alerts.
    """
    found: dict[str, AlertGroup] = {}
    for group in groups:
        if not group.bare:
            found[group.group_key] = group
            continue
        for alert in group.alerts:
            for group_by in dict.fromkeys(taken.group_by for taken in take(root, alert.labels).told):
                _add(found, group, alert, group_by)
    return tuple(found.values())


def group_key(group_by: tuple[str, ...] | None, alert: Alert) -> str:
    """The key of the group that an alert is in.

    Args:
        group_by: labels, or `...` for all of them; None for a group of its own.
    """
    if group_by is None:
        return f"{ALONE}{alert.fingerprint}"
    labels = sorted(_group_labels(group_by, alert).items())
    return f"{TOGETHER}{{{','.join(f'{name}={json.dumps(value, ensure_ascii=False)}' for name, value in labels)}}}"


def _group_labels(group_by: tuple[str, ...] | None, alert: Alert) -> Mapping[str, str]:
    if group_by is None or _ALL in group_by:
        return alert.labels
    return {name: value for name, value in alert.labels.items() if name in group_by}


def _add(found: dict[str, AlertGroup], group: AlertGroup, alert: Alert, group_by: tuple[str, ...] | None) -> None:
    key = group_key(group_by, alert)
    # Of one alert that is told twice the last state counts.
    before = [each for each in found[key].alerts if each.fingerprint != alert.fingerprint] if key in found else []
    alerts = (*before, alert)
    found[key] = replace(
        group,
        group_key=key,
        alerts=alerts,
        group_labels=_group_labels(group_by, alert),
        common_labels=common(each.labels for each in alerts),
        common_annotations=common(each.annotations for each in alerts),
    )
