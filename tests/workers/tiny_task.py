"""A task that does what its subject says: for tests of those who run and watch tasks."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path


def tell(**report: object) -> None:
    """Report, as a task's process does."""
    print(json.dumps(report), flush=True)


job = json.loads(sys.stdin.readline())
what, _, detail = job["claim"]["subject"].partition(" ")
tell(step=[f"doing {what}", 1, 2])
match what:
    case "fail":
        tell(code="BROKEN", error="it is broken", retryable=detail == "retryable")
    case "die":
        os.kill(os.getpid(), signal.SIGKILL)
    case "exit":
        sys.exit(3)
    case "grow":
        held = bytearray(300 << 20)
        held[:: 1 << 12] = b"x" * len(held[:: 1 << 12])
        while True:
            tell()
            time.sleep(0.2)
    case "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    case "wait":
        while not Path(detail).exists():
            tell()
            time.sleep(0.05)
        tell(done=True)
    case "show":
        told = job["settings"]["mysql_url"]
        tell(code="SHOWN", error=f"{told} {detail in str(dict(os.environ))} {sys.argv[1:]}")
    case "litter":
        Path(job["scratch"], "spill").write_bytes(b"x")
        os.kill(os.getpid(), signal.SIGKILL)
    case _:
        tell(done=True)
