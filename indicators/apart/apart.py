"""Start jobs in processes of their own, and hear how they go."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import msgspec
import structlog

from courselens.errors import MissingSource, PluginError
from indicators.apart.words import MEND, Job, Order, Word, receive, send

_START_SECONDS = 60.0
_END_SECONDS = 5.0
_LAST_LINES = 2_000
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
"""Environment that says where things are, and nothing that anybody could want to keep secret."""

logger = structlog.get_logger(__name__)


class TookTooLong(PluginError):
    """Code of a plugin did not come to its end in time."""

    code = "PLUGIN_TOO_SLOW"

    def __init__(self, plugin: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            plugin, f"took more than {seconds:g} s", "make it faster, or raise the limit"
        )


class Apart:
    """Runs jobs in processes that hold no credentials and can be lost.

    Nothing is started before the first job; several threads may run jobs.

    Attributes:
        folder: for the files that jobs are handed and make; gone at the end.
        seconds: how long a job may take.
        memory_mb: how much its process may hold.
    """

    def __init__(self, *, seconds: float, memory_mb: int) -> None:
        self.seconds = seconds
        self.memory_mb = memory_mb
        self.folder = Path(tempfile.mkdtemp(prefix="courselens-apart-"))
        self._lock = threading.Lock()
        self._mother: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._outputs = 0

    def __enter__(self) -> Apart:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every job and remove the folder."""
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._mother is not None:
                self._mother.kill()
                self._mother.wait(_END_SECONDS)
            self._mother = self._control = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, job: Job, owner: str, *, limit: float | None = None) -> None:
        """Do a job that answers once; blocks.

        Args:
            job: what to do.
            owner: whose code it is, for errors and the log.
            limit: seconds that it may take, where other than `seconds`.

        Raises:
            PluginError: it failed, died, or took too long or too much; names the owner and the fix.
            MissingSource: its code says so.
            OSError: the disk is full.
        """
        for word in self.words(job, owner, limit=limit):
            if word.is_machine:
                raise OSError(errno.ENOSPC, word.problem)
            if word.missing:
                raise MissingSource(*word.missing)
            if word.kind == "failed":
                raise PluginError(owner, word.problem, word.fix)
            if word.kind == "done":
                return
        raise PluginError(owner, "ended without a result", MEND)

    def words(
        self, job: Job, owner: str, *, seconds: float | None = None, limit: float | None = None
    ) -> Iterator[Word]:
        """Start a job and hear what it says; blocks. Whoever stops listening ends it.

        Args:
            job: what to do.
            owner: whose code it is, for errors and the log.
            seconds: for each word, instead of a limit for all of them.
            limit: for all of them, where other than that of every job.

        Raises:
            PluginError: no word came in time, or its process died.
        """
        output = self._new_output()
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                control = self._start()
                with self._lock:
                    socket.send_fds(control, [b"j"], [theirs.fileno()])
            ours.settimeout(_START_SECONDS)
            send(ours, pickle.dumps(Order(job, self.memory_mb, str(output))))
            left, until = _START_SECONDS, None
            try:
                while True:
                    word = _next(ours, left)
                    if until is None:
                        until = time.monotonic() + (limit or self.seconds)
                    left = seconds if seconds is not None else until - time.monotonic()
                    if word is None:
                        raise TookTooLong(owner, seconds or limit or self.seconds)
                    if word.kind == "ended":
                        if word.problem:
                            raise PluginError(owner, word.problem, word.fix)
                        return
                    if word.kind != "started":
                        yield word
            finally:
                self._log_output(output, owner)

    def _start(self) -> socket.socket:
        with self._lock:
            if self._control is not None and self._mother and self._mother.poll() is None:
                return self._control
            ours, theirs = socket.socketpair()
            environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
            environment |= {
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "OPENBLAS_NUM_THREADS": "1",  # a process with threads should not be forked
                "OMP_NUM_THREADS": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            with theirs:
                self._mother = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-m", "indicators.apart.mother", str(theirs.fileno())],
                    env=environment,
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    cwd=self.folder,
                )
            self._control = ours
            return ours

    def _new_output(self) -> Path:
        with self._lock:
            self._outputs += 1
            return self.folder / f"output-{self._outputs}.txt"

    def _log_output(self, output: Path, owner: str) -> None:
        """What the code printed goes to the log of whoever started it, its end at least."""
        try:
            printed = output.read_text(encoding="utf-8", errors="replace").strip()
            output.unlink()
        except OSError:
            return
        if printed:
            logger.warning("plugin printed", plugin=owner, text=printed[-_LAST_LINES:])


def _next(channel: socket.socket, seconds: float) -> Word | None:
    """The next word; None if none comes in time."""
    channel.settimeout(max(seconds, 0.001))
    try:
        frame = receive(channel)
    except TimeoutError:
        return None
    except ConnectionError:
        frame = None
    if frame is None:
        return Word("ended", problem="lost its process", fix=MEND)
    try:
        return msgspec.json.decode(frame, type=Word)
    except msgspec.MsgspecError:
        return Word("ended", problem="said something that is no answer", fix=MEND)
