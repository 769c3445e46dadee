"""From an accepted payload to somebody who knows. The whole story:

    accept    parse the body; keep it in one commit; answer                                 (accept.py)
    plan      take the oldest events; ask once what there is to know of all their alerts;
              route each; keep one delivery for each action of each receiver, in one commit (plan.py)
    deliver   take what is due; send it; judge the outcome; keep that                       (deliver.py)

Each process does all three, in threads of its own, and shares only the database with the others. What a process held
when it died comes back with its lease. Here, and nowhere below, errors are caught, counted and timed.
"""

from pipeline.accept import accept
from pipeline.asides import acknowledged
from pipeline.counts import begin as begin_counts
from pipeline.explain import explain
from pipeline.pictures import NoPicture, Pictures
from pipeline.reload import Loaded, Reloader
from pipeline.running import Running, Sources
from pipeline.service import Pipeline
from pipeline.silencing import Changed, NotSilenced, Proposal, Silenced, Silencing
from pipeline.tokens import NoKey, Signer, find_key

__all__ = [
    "Changed",
    "Loaded",
    "NoKey",
    "NoPicture",
    "NotSilenced",
    "Pictures",
    "Pipeline",
    "Proposal",
    "Reloader",
    "Running",
    "Signer",
    "Silenced",
    "Silencing",
    "Sources",
    "accept",
    "acknowledged",
    "begin_counts",
    "explain",
    "find_key",
]
