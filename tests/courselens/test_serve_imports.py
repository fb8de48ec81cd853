from __future__ import annotations

import json
import subprocess
import sys

UNUSED = {
    *("aiomysql", "motor", "pymongo", "pymysql", "duckdb", "dramatiq", "redis"),
    *("pyarrow", "numpy", "workers", "courselens.simulator"),
}


def test_serving_process_imports_nothing_that_only_others_need() -> None:
    code = "import json, sys, courselens.cli.serve; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert UNUSED.isdisjoint(json.loads(done.stdout))


def test_program_runs_serve_by_itself() -> None:
    code = (
        "import json, sys; from courselens.cli import main\n"
        "sys.argv = ['courselens', 'serve', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    *said, modules = done.stdout.splitlines()
    assert "courselens serve" in " ".join(said)
    assert UNUSED.isdisjoint(json.loads(modules))
