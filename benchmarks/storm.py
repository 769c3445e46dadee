"""A storm of alerts until the last is told to PagerDuty, against Alertmanager telling it by itself.

Each gets the same groups the same way, over 8 connections: the service as webhooks, Alertmanager as `POST
/api/v2/alerts`. No readings are asked for, and nothing is paced.
"""

from __future__ import annotations

from benchmarks._parts import MemoryWatch, Workplace, pager
from benchmarks._report import Ratio, arguments, conclude, milliseconds, tell
from benchmarks._sink import running_sink
from benchmarks._storms import Storm, storm

_MOST_BYTES = 300 * 1024 * 1024


def main() -> None:
    """Measures, each in turn."""
    options = arguments(__doc__, groups=5000, alerts=1, far_side_delay=0.0).parse_args()
    ours: list[Storm] = []
    others: list[Storm] = []
    memory: list[int] = []
    size = options.groups, options.alerts
    # Alertmanager can only tell groups from one another by their labels.
    group_by = "..." if options.alerts == 1 else "group"
    with Workplace(options.database) as workplace, running_sink(options.far_side_delay) as sink:
        for repeat in range(options.repeats):
            with workplace.alertmanager(f"alertmanager{repeat}", sink.url, group_by) as alertmanager:
                others.append(storm(f"{alertmanager.url}/api/v2/alerts", "alerts", f"theirs{repeat}", sink, *size))
            with (
                workplace.service(f"storm{repeat}", pager(sink.url)) as service,
                MemoryWatch(service.pid) as watch,
            ):
                ours.append(storm(f"{service.url}/alert", "webhook", f"ours{repeat}", sink, *size))
            memory.append(watch.most_bytes)
            tell(f"{repeat + 1}: {ours[-1].seconds:.1f} s, Alertmanager {others[-1].seconds:.1f} s")
    ratio = Ratio.of([each.seconds for each in ours], [each.seconds for each in others])
    acceptance = milliseconds([latency for each in ours for latency in each.loaded.latencies])
    most = 3.0 if options.alerts == 1 else 1.5
    figures = {
        "database": options.database,
        "groups": options.groups,
        "alerts": options.alerts,
        "far_side_delay_seconds": options.far_side_delay,
        "ratio": ratio,
        "ours_seconds": [round(each.seconds, 2) for each in ours],
        "alertmanager_seconds": [round(each.seconds, 2) for each in others],
        "acceptance_milliseconds": acceptance,
        "accepted_per_second": [round(each.loaded.rate) for each in ours],
        "memory_mib": [round(each / 2**20) for each in memory],
        "missing": sum(each.missing for each in ours),
        "duplicates": sum(each.seen.duplicates for each in ours),
        "refused": sum(each.loaded.refused for each in ours),
        "alertmanager_missing": sum(each.missing for each in others),
        "alertmanager_duplicates": sum(each.seen.duplicates for each in others),
    }
    targets = {
        "none is missing": figures["missing"] == 0,
        "acceptance p99 under 100 ms": acceptance["p99"] < 100,
        "memory under 300 MB": max(memory) < _MOST_BYTES,
    }
    if options.far_side_delay:
        targets["each under 15 s"] = max(each.seconds for each in ours) < 15
    else:
        targets[f"ratio at most {most}"] = ratio.median <= most
    conclude("storm", figures, targets)


if __name__ == "__main__":
    main()
