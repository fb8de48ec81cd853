"""Write `schema.graphql`, or check it.

`python -m api.schema.sdl [--check] [--since RELEASED] FILE`

`--since` tells what has changed since a released schema, and fails on what breaks clients.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from api.schema.assembled import assemble, schema_sdl
from api.schema.changes import find_changes
from indicators.registry import load_registry


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: written or fresh; 1: stale, breaking, or an indicator cannot be expressed."""
    parser = argparse.ArgumentParser(prog="python -m api.schema.sdl", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, say whether fresh")
    parser.add_argument("--since", type=Path, help="schema that clients were promised")
    parser.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    registry = load_registry()
    assembled = assemble(registry)
    problems = [*registry.errors, *assembled.refused]
    for problem in problems:
        print(problem, file=sys.stderr)
    text = schema_sdl(assembled)
    if not options.check:
        options.file.write_text(text, encoding="utf-8")
    elif not options.file.exists() or options.file.read_text(encoding="utf-8") != text:
        print(f"{options.file} is stale: run `make schema`", file=sys.stderr)
        return 1
    is_broken = options.since is not None and _tell_changes(options.since, text)
    return 1 if problems or is_broken else 0


def _tell_changes(released: Path, text: str) -> bool:
    """Print what has changed; gives whether any of it breaks clients."""
    changes = find_changes(released.read_text(encoding="utf-8"), text)
    for change in changes.dangerous:
        print(f"dangerous: {change}", file=sys.stderr)
    for change in changes.breaking:
        print(f"breaking: {change} Deprecate it for a release first.", file=sys.stderr)
    return bool(changes.breaking)


if __name__ == "__main__":
    sys.exit(main())
