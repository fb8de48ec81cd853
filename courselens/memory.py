"""Memory of processes, where the system tells (Linux)."""

from __future__ import annotations

import os
from pathlib import Path


def resident_kb(pid: int | None = None) -> int:
    """Resident memory of a process, of this one if none is given; 0 where nobody tells."""
    try:
        facts = Path(f"/proc/{pid or 'self'}/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(facts[1]) * os.sysconf("SC_PAGE_SIZE") // 1024 if len(facts) > 1 else 0
