"""Built-in indicators are written as an outsider would: all they know is `courselens.plugin`."""

from __future__ import annotations

import subprocess
import sys

BLOCKING = """
import builtins, importlib, importlib.metadata

INTERNAL = ("aggregates", "api", "courselens", "indicators", "loaders", "workers", "duckdb")
real = builtins.__import__

def is_built_in(module):
    return any(module.startswith(f"{family}.") for family in FAMILIES) or module in FAMILIES

def blocking(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {}).get("__name__", "")
    if is_built_in(importer) and name.partition(".")[0] in INTERNAL:
        if name != "courselens.plugin" and not is_built_in(name):
            raise ImportError(f"{importer} imports {name}")
    return real(name, globals, locals, fromlist, level)

entries = [
    entry
    for entry in importlib.metadata.entry_points(group="courselens.indicators.v1")
    if entry.dist.name == "courselens"
]
FAMILIES = {entry.module.rpartition(".")[0] for entry in entries}
importlib.import_module("courselens.plugin")
builtins.__import__ = blocking
for entry in entries:
    entry.load()
CHECK
print(len(entries))
"""


def run(check: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKING.replace("CHECK", check)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_built_ins_are_imported_with_everything_else_blocked():
    ran = run("")
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 30


def test_the_block_holds():
    trying = "exec('import indicators.run', {'__name__': 'indicators.time.some_indicator'})"
    ran = run(trying)
    assert "ImportError: indicators.time.some_indicator imports indicators.run" in ran.stderr
