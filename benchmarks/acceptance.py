"""Acceptance: webhooks a second with nobody to tell, against the same Flask and gunicorn with nothing behind them.

What is measured is accepting and planning: routing, recording each alert's state, and no delivery.
"""

from __future__ import annotations

import time

from benchmarks._load import Loaded, Order, load
from benchmarks._parts import Workplace, bare_flask, nobody
from benchmarks._report import Ratio, arguments, conclude, milliseconds, tell

_WARM_UP_SECONDS = 1.0


def _loaded(url: str, run: str, seconds: float) -> Loaded:
    load(Order(f"{url}/alert", "webhook", f"warm-{run}", seconds=min(_WARM_UP_SECONDS, seconds)))
    time.sleep(0.5)
    return load(Order(f"{url}/alert", "webhook", run, seconds=seconds))


def main() -> None:
    """Measures, each in turn."""
    options = arguments(__doc__, seconds=10.0).parse_args()
    ours: list[Loaded] = []
    others: list[Loaded] = []
    with Workplace(options.database) as workplace:
        for repeat in range(options.repeats):
            with bare_flask(workplace.folder / f"flask{repeat}") as url:
                others.append(_loaded(url, f"flask{repeat}", options.seconds))
            with workplace.service(f"acceptance{repeat}", nobody()) as service:
                ours.append(_loaded(service.url, f"ours{repeat}", options.seconds))
            tell(f"{repeat + 1}: {ours[-1].rate:.0f}/s, Flask alone {others[-1].rate:.0f}/s")
    ratio = Ratio.of([each.rate for each in ours], [each.rate for each in others])
    told = milliseconds([latency for each in ours for latency in each.latencies])
    least, p99 = (0.3, 25.0) if options.database == "sqlite" else (0.15, 25.0)
    figures = {
        "database": options.database,
        "ratio": ratio,
        "ours_per_second": [round(each.rate) for each in ours],
        "flask_per_second": [round(each.rate) for each in others],
        "ours_milliseconds": told,
        "flask_milliseconds": milliseconds([latency for each in others for latency in each.latencies]),
        "refused": sum(each.refused for each in (*ours, *others)),
        "load_cpu_share": [round(each.cpu_seconds / (each.ended_at - each.begun_at), 2) for each in (*ours, *others)],
    }
    targets = {
        f"ratio at least {least}": ratio.median >= least,
        f"p99 under {p99:.0f} ms": told["p99"] < p99,
        "worst under 250 ms": told["worst"] < 250,
    }
    conclude("acceptance", figures, targets)


if __name__ == "__main__":
    main()
