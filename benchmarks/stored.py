"""What a long history costs: the rate of delivering with a million finished events and deliveries, or a thousand."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks._finished import fill
from benchmarks._parts import Workplace, pager
from benchmarks._report import Ratio, arguments, conclude, tell
from benchmarks._sink import running_sink
from benchmarks._storms import Storm, storm
from tests.service import ROOT


def _migrate(database: dict[str, str]) -> None:
    command = [sys.executable, str(ROOT / "app.py"), "migrate"]
    subprocess.run(command, env={"PATH": os.environ["PATH"], **database}, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Measures, each in turn."""
    options = arguments(__doc__, groups=1000, few=1000, many=1_000_000).parse_args()
    few: list[Storm] = []
    many: list[Storm] = []
    with Workplace(options.database) as workplace, running_sink() as sink:
        sizes = []
        for rows, storms in ((options.few, few), (options.many, many)):
            database = workplace.database(f"stored{rows}")
            _migrate(database)
            tell(f"{rows} rows each in {fill(database['DATABASE_URL'], rows):.1f} s")
            sizes.append((rows, database, storms))
        for repeat in range(options.repeats):
            for rows, database, storms in sizes:
                run = f"rows{rows}-{repeat}"
                with workplace.service(run, pager(sink.url), database) as service:
                    storms.append(storm(f"{service.url}/alert", "webhook", run, sink, options.groups))
            tell(f"{repeat + 1}: few {few[-1].seconds:.2f} s, many {many[-1].seconds:.2f} s")
    rates = [[each.groups / each.seconds for each in of_size] for of_size in (many, few)]
    ratio = Ratio.of(*rates)
    figures = {
        "database": options.database,
        "rows": [options.few, options.many],
        "ratio": ratio,
        "few_per_second": [round(rate) for rate in rates[1]],
        "many_per_second": [round(rate) for rate in rates[0]],
        "missing": sum(each.missing for each in (*few, *many)),
    }
    conclude("stored", figures, {"none is missing": figures["missing"] == 0, "ratio at least 0.8": ratio.median >= 0.8})


if __name__ == "__main__":
    main()
