"""Write `schema.graphql`, or check that it is fresh: `python -m api.sdl [--check] FILE`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from api.schema import assemble, schema_sdl
from indicators.registry import load_registry


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: written or fresh; 1: stale, or an indicator cannot be expressed."""
    parser = argparse.ArgumentParser(prog="python -m api.sdl", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, say whether fresh")
    parser.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    registry = load_registry()
    problems = [*registry.errors, *assemble(registry).refused]
    for problem in problems:
        print(problem, file=sys.stderr)
    text = schema_sdl(registry)
    if not options.check:
        options.file.write_text(text, encoding="utf-8")
    elif not options.file.exists() or options.file.read_text(encoding="utf-8") != text:
        print(f"{options.file} is stale: run `make schema`", file=sys.stderr)
        return 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
