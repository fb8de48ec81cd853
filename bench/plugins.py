"""What 200 plugins cost that nobody asks for: at start, in memory, and in answers without them."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from aggregates.embedded import EmbeddedPostgres
from bench.data import FOLDER
from bench.graphql_clients import Client, Server
from bench.graphql_data import Served
from bench.graphql_fill import fill
from bench.graphql_shapes import L100, S
from bench.measure import peak_memory_mb, show, verdict
from courselens.tokens import issue_token

COUNT = 200
START_SECONDS = 2.0
NOISE = 1.05
_MODULE = '''"""A plugin of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir, literal


@dataclass(frozen=True, slots=True)
class Number{0}:
    """Numbers."""

    events: Annotated[int | None, Value("Events.", unit="count")]
    minutes: Annotated[float | None, Value("Minutes.", unit="minutes")]


@indicator(
    key="bench{0}_events",
    version=1,
    title="Events",
    unit="count",
    family="bench",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("population", "sessions"),
    student=Number{0},
)
def bench{0}_events(t: Tables, p: Parameters) -> ir.Table:
    """Count what was done."""
    return t.population.select("user_id", events=literal(1), minutes=literal(1.0))
'''


def run(*, rounds: int, warm_seconds: float = 10.0) -> bool:
    """Measure and print; whether all goals are reached."""
    folder = FOLDER / "plugins"
    shutil.rmtree(folder, ignore_errors=True)
    site = folder / "site"
    for number in range(COUNT):
        _install(site, number)
    without = [_start(folder / "none", None) for _ in range(rounds)]
    first: list[dict[str, float]] = []
    again: list[dict[str, float]] = []
    for turn in range(rounds):
        first.append(_start(folder / f"home{turn}", site))
        again.append(_start(folder / f"home{turn}", site))
    base = _median(without, "seconds")
    more_first, more_again = _median(first, "seconds") - base, _median(again, "seconds") - base
    each_kb = (_median(again, "peak_mb") - _median(without, "peak_mb")) * 1024 / COUNT
    is_quick = max(more_first, more_again) <= START_SECONDS
    show(
        f"CPU of the start of a process that serves: {base:.2f} s without plugins",
        [
            (
                f"{COUNT} plugins, the first time, s more",
                f"{more_first:.2f}",
                f"<= {START_SECONDS}",
                verdict(more_first <= START_SECONDS),
            ),
            (
                f"{COUNT} plugins, later, s more",
                f"{more_again:.2f}",
                f"<= {START_SECONDS}",
                verdict(more_again <= START_SECONDS),
            ),
            ("memory a plugin, KB", f"{each_kb:.0f}", "", ""),
        ],
    )
    return _serve(site, rounds, warm_seconds) and is_quick


def _install(site: Path, number: int) -> None:
    """A plugin as pip leaves it."""
    site.mkdir(parents=True, exist_ok=True)
    (site / f"bench_{number}.py").write_text(_MODULE.format(number))
    facts = site / f"bench_{number}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: bench-{number}\nVersion: 1.0\n")
    (facts / "RECORD").write_text(f"bench_{number}.py,,\n")
    (facts / "entry_points.txt").write_text(
        f"[courselens.indicators.v1]\nbench{number}_events = bench_{number}:bench{number}_events\n"
    )


def _start(home: Path, site: Path | None) -> dict[str, float]:
    """CPU seconds and memory of a process, and its children, up to where it could answer."""
    began = _children_seconds()
    done = subprocess.run(
        [sys.executable, "-m", "bench.plugins"],
        env=_environment(site) | {"COURSELENS_HOME": str(home)},
        check=True,
        stdout=subprocess.PIPE,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    if told["plugins"] != (COUNT if site else 0):
        raise SystemExit(f"{told['plugins']} plugins take part")
    return {"seconds": _children_seconds() - began, "peak_mb": told["peak_mb"]}


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _environment(site: Path | None) -> dict[str, str]:
    return os.environ | ({"PYTHONPATH": str(site)} if site else {})


def _median(runs: list[dict[str, float]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def _serve(site: Path, rounds: int, warm_seconds: float) -> bool:
    """CPU of answers that ask for nothing of the plugins, against a server without them."""
    folder = FOLDER / "graphql"
    fill(folder)
    with EmbeddedPostgres(folder / "postgres") as database:
        served = Served(database.url, folder / "keys")
        served.key()
        servers = {
            "ours": Server("ours", served),
            "plugins": Server("plugins", served, environment=_environment(site)),
        }
        try:
            for server in servers.values():
                server.wait()
            return asyncio.run(_compare(servers, served, rounds, warm_seconds))
        finally:
            for server in servers.values():
                server.process.kill()
                server.process.wait()


async def _compare(
    servers: dict[str, Server], served: Served, rounds: int, warm_seconds: float
) -> bool:
    key = served.key()

    def token_of(user_id: int) -> str:
        return issue_token(key, user_id=user_id, username=f"u{user_id}", now=datetime.now(UTC))

    clients = {name: Client(server.port, token_of) for name, server in servers.items()}
    rows = []
    for shape in (S, L100):
        until = time.monotonic() + warm_seconds / 2
        while time.monotonic() < until:
            for client in clients.values():
                await client.ask(shape.asked("ours", 0, min(50, shape.requests)), shape.connections)
        costs: dict[str, list[float]] = {name: [] for name in servers}
        for turn in range(rounds):
            for name in servers if turn % 2 == 0 else reversed(servers):
                asked = shape.asked("ours", turn, shape.requests)
                before = servers[name].cpu_seconds()
                await clients[name].ask(asked, shape.connections)
                costs[name].append((servers[name].cpu_seconds() - before) / len(asked))
        ratio = statistics.median(costs["plugins"]) / statistics.median(costs["ours"])
        is_same = ratio <= NOISE
        told = f"{shape.name}: CPU with {COUNT} plugins / without"
        rows.append((told, f"{ratio:.3f}", f"<= {NOISE}", verdict(is_same)))
    show("Answers that ask for nothing of the plugins", rows)
    return all(row[3] == verdict(True) for row in rows)


def main() -> None:
    """Come to where a process could serve, and say what it took."""
    from api.schema.assembled import assemble
    from courselens.domain import BUILT_IN
    from courselens.installed import load_installed
    from courselens.settings import Settings

    registry = load_installed(Settings())
    assemble(registry)
    plugins = {one.provider for one in registry.indicators.values()} - {BUILT_IN}
    print(json.dumps({"plugins": len(plugins), "peak_mb": peak_memory_mb()}))


if __name__ == "__main__":
    main()
