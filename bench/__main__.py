"""`make bench`: makes its input below `.bench`, then prints a table of ratios per benchmark."""

from __future__ import annotations

import argparse
import sys

from bench import (
    graphql,
    ingest,
    mysql,
    one_more_day,
    overload,
    plugins,
    prices,
    refresh,
    time_on_course,
    unchanged,
)
from bench.data import prepare

FROM_LOGS = {"ingest": ingest.run, "time_on_course": time_on_course.run, "refresh": refresh.run}
# By name only: MariaDB is needed, or many rounds take long.
BY_NAME = {"mysql": mysql.run, "one_more_day": one_more_day.run, "unchanged": unchanged.run}
ALONE = {
    "graphql": graphql.run,
    "prices": prices.run,
    "overload": overload.run,
    "plugins": plugins.run,
}
BENCHMARKS = {**FROM_LOGS, **BY_NAME, **ALONE}


def main() -> None:
    """Run what was asked for; exit code 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--students", type=int, default=10_000, help="size of the course")
    parser.add_argument("--rounds", type=int, default=5, help="runs of every program")
    given = parser.parse_args()
    chosen = given.names or [*FROM_LOGS, *ALONE]
    reached = [ALONE[name](rounds=given.rounds) for name in chosen if name in ALONE]
    from_course = {name: run for name, run in {**FROM_LOGS, **BY_NAME}.items() if name in chosen}
    if from_course:
        prepared = prepare(given.students)
        reached += [run(prepared, rounds=given.rounds) for run in from_course.values()]
    sys.exit(0 if all(reached) else 1)


if __name__ == "__main__":
    main()
