"""HTTP to the far sides: one deadline for the whole exchange, no redirects, bounded answers, no URL in any error.

A leaf: it knows nothing of alerts. What an answer means is for the caller to say.
"""

from outbound.answers import Answer, OutboundError, OutboundTimeout, OutboundUnsent, redacted
from outbound.deadline import DeadlineReader
from outbound.far_side import Identity, Proxy, Tls
from outbound.http import Http

__all__ = [
    "Answer",
    "DeadlineReader",
    "Http",
    "Identity",
    "OutboundError",
    "OutboundTimeout",
    "OutboundUnsent",
    "Proxy",
    "Tls",
    "redacted",
]
