"""Memory of processes: how much it is (where the system tells: Linux), and when it is searched."""

from __future__ import annotations

import gc
import os
from pathlib import Path


def resident_kb(pid: int | None = None) -> int:
    """Resident memory of a process, of this one if none is given; 0 where nobody tells."""
    try:
        facts = Path(f"/proc/{pid or 'self'}/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(facts[1]) * os.sysconf("SC_PAGE_SIZE") // 1024 if len(facts) > 1 else 0


def search_less() -> None:
    """Have the garbage collector look seldom, and never again at what is there now.

    For a process that serves, once it has started: a question leaves next to nothing for the
    collector, whose looks cost a small one 4 % of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
