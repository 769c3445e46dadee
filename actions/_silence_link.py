"""A link to the page where Alertmanager asks for a new silence, filled in for a group; nobody here calls it.

Source: https://github.com/prometheus/alertmanager/blob/main/ui/app/src/Views/SilenceForm/Parsing.elm
and Utils/Filter.elm beside it.
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from actions._base import link
from alerts.model import AlertGroup, common

# What the page's own reader takes for the end of a label's name; it knows no quotes around one.
_UNREADABLE = re.compile(r"[{}!=~,\\\"'`\s]")


def silence_link(group: AlertGroup) -> str:
    """Where what fires of a group can be silenced, by the labels that all of it shares; "" where it cannot be said."""
    shared = common(each.labels for each in group.firing)
    if not group.external_url or not shared or any(not name or _UNREADABLE.search(name) for name in shared):
        return ""
    matchers = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(shared.items()))
    filled = quote(f"{{{matchers}}}", safe="", errors="replace")
    return link(f"{group.external_url.rstrip('/')}/#/silences/new?filter={filled}")
