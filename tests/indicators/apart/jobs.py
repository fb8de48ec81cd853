"""Jobs that do what they are told, and what they should not."""

from __future__ import annotations

import errno
import os
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from courselens.errors import MissingSource, PluginError
from indicators.apart.words import Tell, Word


@dataclass(frozen=True, slots=True)
class Act:
    """Do one thing.

    Attributes:
        what: to do.
        file: to write to, where something is written.
    """

    what: str
    file: str = ""

    def do(self, tell: Tell) -> None:
        """Do it, then say so."""
        match self.what:
            case "write":
                Path(self.file).write_text(str(os.getpid()))
            case "sleep":
                Path(self.file).write_text(str(os.getpid()))
                time.sleep(600)
            case "copy":
                if os.fork() == 0:
                    Path(self.file).write_text(str(os.getpid()))
                    time.sleep(600)
                while not Path(self.file).exists():
                    time.sleep(0.01)
            case "fill":
                raise OSError(errno.ENOSPC, "no room")
            case "lack":
                raise MissingSource("grants", "funds")
            case "refuse":
                raise PluginError("acme", "it is wrong", "mend it")
            case "flood":
                for _ in range(200):
                    os.write(1, b"x" * (1 << 16))
                    time.sleep(0.001)
            case "spill":
                Path(tempfile.mkdtemp(), "spill").write_bytes(b"x")
                os.kill(os.getpid(), signal.SIGKILL)
            case "say nothing":
                return
        tell(Word("done"))
