"""The process that processes of plugins come from: all libraries loaded, nothing else in it.

It is started with an empty environment and forks, for each job, a watcher and below it the process
that does the job. A fork takes hundredths of a second, a Python with the engine more than one.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import resource
import select
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec

from courselens.memory import resident_kb
from indicators.apart.words import MEND, Order, Word, receive, send

_LOOK_MS = 50
_LARGEST_OUTPUT = 1 << 20
_LARGEST_JOB = 1 << 26


def main() -> None:
    """Fork a job for every socket that comes, until the one who asks is gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    _load_libraries()
    gc.freeze()  # what is shared with all children stays shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is its parent's affair
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            try:
                _watch(socket.socket(fileno=descriptors[0]))
            except OSError:
                os._exit(1)  # whoever asked has gone
            os._exit(0)
        os.close(descriptors[0])


def _load_libraries() -> None:
    import indicators.apart.computing
    import indicators.apart.importing
    import indicators.apart.loading  # noqa: F401


def _watch(channel: socket.socket) -> None:
    """Run one job below this process; end it when it takes too much, or nobody waits for it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    frame = receive(channel, largest=_LARGEST_JOB)
    if frame is None:
        return
    order: Order = pickle.loads(frame)  # noqa: S301 - made by our parent of our own classes
    worker = os.fork()
    if worker == 0:
        _work(channel, order)
    send(channel, msgspec.json.encode(_wait(channel, worker, order)))


def _wait(channel: socket.socket, worker: int, order: Order) -> Word:
    """Until it is over; gives why, without a problem if by itself and well."""
    poll = select.poll()
    poll.register(channel, select.POLLHUP)
    if hasattr(os, "pidfd_open"):
        poll.register(os.pidfd_open(worker), select.POLLIN)
    ended = Word("ended")
    while True:
        events = poll.poll(_LOOK_MS)
        pid, status = os.waitpid(worker, os.WNOHANG)
        if pid:
            _kill(worker, os.killpg)  # whatever it has started
            return ended if ended.problem else _ended(os.waitstatus_to_exitcode(status))
        if any(what & select.POLLHUP for fd, what in events if fd == channel.fileno()):
            _kill(worker, os.killpg, os.kill)
        elif not ended.problem and resident_kb(worker) > order.memory_mb * 1024:
            problem = f"held more than {order.memory_mb} MB of memory"
            ended = Word("ended", problem=problem, fix="let it hold less, or raise the limit")
            _kill(worker, os.killpg, os.kill)
        _cut(order.output)


def _work(channel: socket.socket, order: Order) -> None:
    """The process of a job: from here on a plugin may do what it likes to it."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    output = os.open(order.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    tempfile.tempdir = str(Path(order.output).parent)  # removed by whoever asked
    own = os.getpid()

    def tell(word: Word) -> None:
        if os.getpid() != own:
            os._exit(1)  # a copy that the plugin made of this process
        send(channel, msgspec.json.encode(word))

    tell(Word("started"))
    try:
        order.job.do(tell)
    except BaseException as exc:  # an edge: third-party code runs here
        tell(_failed(exc, order))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _failed(exc: BaseException, order: Order) -> Word:
    from courselens.errors import MissingSource, PluginError, one_line
    from indicators.engine import is_machine_fault

    if isinstance(exc, PluginError):
        return Word("failed", problem=exc.problem, fix=exc.fix)
    if isinstance(exc, MissingSource):
        return Word("failed", problem=str(exc), missing=exc.names)
    traceback.print_exception(exc)
    is_machine = isinstance(exc, OSError) and is_machine_fault(exc) and _is_full(order.output)
    problem = f"{type(exc).__name__}: {one_line(exc)}"
    return Word("failed", problem=problem, fix=MEND, is_machine=is_machine)


def _is_full(path: str) -> bool:
    stat = os.statvfs(Path(path).parent)
    return stat.f_bavail * stat.f_frsize < 1 << 20


def _ended(code: int) -> Word:
    if code == 0:
        return Word("ended")
    how = (
        f"was ended by {signal.Signals(-code).name}"
        if code < 0
        else f"ended its process with code {code}"
    )
    return Word("ended", problem=how, fix=MEND)


def _kill(worker: int, *ways: Callable[[int, int], None]) -> None:
    for kill in ways:
        with contextlib.suppress(ProcessLookupError):
            kill(worker, signal.SIGKILL)


def _cut(output: str) -> None:
    """Forget what was printed where it is too much."""
    try:
        if os.path.getsize(output) > _LARGEST_OUTPUT:
            os.truncate(output, 0)
    except OSError:
        return


if __name__ == "__main__":
    main()
