"""What the verbs share: consoles, progress bars, tables that can also be JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

out = Console()
err = Console(stderr=True)

Report = Callable[[str, int, int], None]


@contextmanager
def progress_bar() -> Iterator[Report]:
    """A progress bar on standard error, for whatever calls it with (name, done, total).

    Where standard error is no terminal, each step is one line instead.
    """
    if not err.is_terminal:
        yield _line_reporter()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def report(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.update(tasks[name], completed=done, total=max(total, 1))

        yield report


def _line_reporter() -> Report:
    seen: set[str] = set()

    def report(name: str, done: int, total: int) -> None:
        if name not in seen:
            seen.add(name)
            print(f"{name} ...", file=sys.stderr, flush=True)

    return report


def show_json(value: object) -> None:
    """Print plain values as JSON, for other programs."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.flush()


def show(rows: Sequence[dict[str, Any]], *, title: str) -> None:
    """Print rows as a table; all rows have the first one's columns, or fewer."""
    table = Table(title=title, title_justify="left")
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        is_number = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(
            name.replace("_", " "),
            justify="right" if is_number else "left",
            no_wrap=name == names[0],  # what a row is about: a key that is cut names nothing
        )
    for row in rows:
        cells = (row.get(name) for name in names)
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in cells))
    out.print(table)
