"""A clock that jumps, for processes that are started with it; from Debian's libfaketime."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


def find_faketime() -> Path | None:
    """The library; installed with apt where it is missing and we may."""
    found = _installed()
    if found is None and os.geteuid() == 0 and Path("/usr/bin/apt-get").exists():
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-q"], ["install", "-qy", "libfaketime"]):
            subprocess.run(
                ["apt-get", *command], check=False, capture_output=True, env=quiet, timeout=600
            )
        found = _installed()
    return found


@dataclass(frozen=True, slots=True)
class Clock:
    """The wall clock of some processes; their monotonic clock is left alone."""

    library: Path
    file: Path

    def jump(self, offset: str) -> None:
        """Be so far off from now on, such as `+2h` or `-90m`."""
        new = self.file.with_suffix(".new")
        new.write_text(offset + "\n")
        new.chmod(0o644)
        new.replace(self.file)

    @property
    def environment(self) -> dict[str, str]:
        """Variables for processes that are to go by it."""
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
            "NO_FAKE_STAT": "1",
        }


def _installed() -> Path | None:
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
