"""Slack's rate limits as buckets of calls that fill up again.

Source: https://docs.slack.dev/apis/web-api/rate-limits
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls at once, and so many more each second; `per_channel` tells whether each channel has its own."""

    burst: int
    per_second: float
    per_channel: bool = False


# "One message per second per channel", tier 3 is 50 a minute and tier 4 is 100; how large a burst may be they do not
# tell but for that it is "short".
LIMITS = {
    "chat.postMessage": Limit(burst=3, per_second=1.0, per_channel=True),
    "chat.update": Limit(burst=10, per_second=50 / 60),
    "files.getUploadURLExternal": Limit(burst=20, per_second=100 / 60),
    "files.completeUploadExternal": Limit(burst=20, per_second=100 / 60),
}


@dataclass(slots=True)
class RateLimits:
    """Tells how long a call must wait; `now` is monotonic seconds."""

    now: Callable[[], float]
    limits: dict[str, Limit] = field(default_factory=lambda: dict(LIMITS))
    _buckets: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def wait_seconds(self, method: str, channel: str) -> int:
        """Takes one call and returns 0, or the whole seconds after which there is room for it."""
        limit = self.limits.get(method)
        if limit is None:
            return 0
        key = (method, channel if limit.per_channel else "")
        now = self.now()
        left, at = self._buckets.get(key, (float(limit.burst), now))
        left = min(limit.burst, left + (now - at) * limit.per_second)
        if left < 1:
            self._buckets[key] = (left, now)
            return math.ceil((1 - left) / limit.per_second)
        self._buckets[key] = (left - 1, now)
        return 0
