"""What code of plugins may not do in its process, and what an import must leave as it was."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from types import ModuleType
from typing import Any

from courselens.errors import PluginError

_PROCESSES = frozenset(
    {
        *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
        *("pty.spawn", "subprocess.Popen"),
    }
)
_FORKS = frozenset({"os.fork", "os.forkpty"})
_NETWORK = frozenset(
    {
        *("socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname"),
        *("socket.sendmsg", "socket.sendto"),
    }
)
_WATCHED = ("builtins", "courselens", "indicators", "loaders")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD)


def forbid(owner: str, *, forks_only: bool = False, network: bool = False) -> None:
    """From now on refuse to start processes, and to reach the network unless it is allowed.

    Args:
        owner: plugin, indicator or dataset, for the errors.
        forks_only: refuse copies of this process alone, as for imports of big libraries.
        network: whether it is allowed.
    """
    processes = _FORKS if forks_only else _PROCESSES

    def hook(event: str, _: tuple[Any, ...]) -> None:
        if event in processes:
            raise PluginError(
                owner, f"starts a process ({event})", "compute in the table expression instead"
            )
        if not network and event in _NETWORK:
            raise PluginError(
                owner, f"reaches for the network ({event})", "load it with a @dataset of its own"
            )

    sys.addaudithook(hook)


class State:
    """What everybody shares in a process, as it was when this was made."""

    def __init__(self) -> None:
        self._settings = _settings()
        self._modules = [
            (name, module, dict(vars(module)))
            for name, module in list(sys.modules.items())
            if isinstance(module, ModuleType) and name.partition(".")[0] in _WATCHED
        ]
        self._inside = [
            (f"{name}.{key}", value, value.copy())
            for name, _, members in self._modules
            for key, value in members.items()
            if type(value) in (dict, list, set) and not key.startswith("__")
        ]

    def changed(self) -> str | None:
        """What is another thing now, None if nothing."""
        now = _settings()
        for name, value in self._settings.items():
            if now[name] != value:
                return name
        for name, module, members in self._modules:
            present = vars(module)
            for key, value in members.items():
                if present.get(key) is not value:
                    return f"{name}.{key}"
        for name, value, before in self._inside:
            if not _is_same(value, before):
                return name
        return None


def _settings() -> dict[str, object]:
    return {
        "the environment": dict(os.environ),
        "the working directory": os.getcwd(),
        "the socket timeout": socket.getdefaulttimeout(),
        "the number of threads": threading.active_count(),
        "sys.stdout": id(sys.stdout),
        "sys.stderr": id(sys.stderr),
        "sys.excepthook": id(sys.excepthook),
        **{f"the handler of {one.name}": signal.getsignal(one) for one in _SIGNALS},
    }


def _is_same(value: Any, before: Any) -> bool:
    """Whether a collection holds the very things that it held before."""
    if isinstance(value, set):
        return bool(value == before)
    if len(value) != len(before):
        return False
    if isinstance(value, dict):
        return all(value.get(key) is one for key, one in before.items())
    return all(one is other for one, other in zip(value, before, strict=True))
