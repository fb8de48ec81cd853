"""`make bench`: makes its input below `.bench`, then prints a table of ratios per benchmark."""

from __future__ import annotations

import argparse
import sys

from bench import ingest, mysql, refresh, time_on_course
from bench.data import prepare

FROM_LOGS = {"ingest": ingest.run, "time_on_course": time_on_course.run, "refresh": refresh.run}
BENCHMARKS = {**FROM_LOGS, "mysql": mysql.run}  # needs MariaDB, so only by name


def main() -> None:
    """Run what was asked for; exit code 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--students", type=int, default=10_000, help="size of the course")
    parser.add_argument("--rounds", type=int, default=5, help="runs of every program")
    given = parser.parse_args()
    prepared = prepare(given.students)
    chosen = given.names or list(FROM_LOGS)
    reached = [BENCHMARKS[name](prepared, rounds=given.rounds) for name in chosen]
    sys.exit(0 if all(reached) else 1)


if __name__ == "__main__":
    main()
