"""A MariaDB server of the tests' own: a process on a free port with a throw-away data folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import pymysql

PASSWORD = "courselens-tests"
_START_SECONDS = 60


def find_mariadbd() -> str | None:
    """The server's program; installed with apt where it is missing and we may."""
    found = _which()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["update", "-q"], ["install", "-qy", "mariadb-server"]):
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(
                ["apt-get", *command], check=False, capture_output=True, env=quiet, timeout=600
            )
        found = _which()
    return found


def _which() -> str | None:
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin:/usr/local/sbin"
    return shutil.which("mariadbd", path=path) or shutil.which("mysqld", path=path)


class MariaDB:
    """The server; stopped, killed, paused and started again at will, always on the same port."""

    def __init__(self, program: str) -> None:
        self._program = program
        # Not pytest's folder: the server's user must be able to enter it.
        self._folder = Path(tempfile.mkdtemp(prefix="courselens-mariadb-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self._install()

    @property
    def url(self) -> str:
        """URL of the server for an account that may do everything."""
        return f"mysql://tests:{PASSWORD}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until connections are taken."""
        with (self._folder / "log").open("ab") as log:
            self._process = self._spawn(log)
        until = time.monotonic() + _START_SECONDS
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"mariadbd did not start: {(self._folder / 'log').read_text()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """Let it hang: connections stay open and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        # On a busy machine its threads answer on until the last one has heard of it.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and delete its data."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._signal(signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _spawn(self, log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                self._program,
                "--no-defaults",
                f"--datadir={self._folder / 'data'}",
                # A server that starts deletes every server's temporary tables in a shared folder.
                f"--tmpdir={self._folder / 'tmp'}",
                f"--socket={self._folder / 's'}",
                f"--pid-file={self._folder / 'pid'}",
                f"--port={self.port}",
                f"--init-file={self._folder / 'init.sql'}",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--skip-log-bin",
                "--performance-schema=OFF",
                "--innodb-buffer-pool-size=96M",
                "--innodb-log-file-size=64M",
                "--innodb-flush-log-at-trx-commit=2",
                *_as_user(),
            ],
            stdout=subprocess.DEVNULL,
            stderr=log,
        )

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(30)

    def _install(self) -> None:
        self._folder.chmod(0o755)
        data, temporary = self._folder / "data", self._folder / "tmp"
        data.mkdir()
        temporary.mkdir()
        if os.geteuid() == 0:
            for folder in (self._folder, data, temporary):
                shutil.chown(folder, "mysql")
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={data}",
                f"--tmpdir={temporary}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                *_as_user(),
            ],
            check=True,
            capture_output=True,
        )
        # Read at every start, so it must do no harm when done again.
        (self._folder / "init.sql").write_text(
            f"CREATE USER IF NOT EXISTS tests@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON *.* TO tests@'127.0.0.1' WITH GRANT OPTION;\n"
        )


def run_on_mysql(url: str, *statements: str) -> list[tuple[object, ...]]:
    """Run statements with an account that may do everything; rows of the last one."""
    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=parts.path.removeprefix("/") or None,
        autocommit=True,
        connect_timeout=10,
    )
    with connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())


def _as_user() -> list[str]:
    return ["--user=mysql"] if os.geteuid() == 0 else []


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    """Whether the server greets; a port that is merely open is not enough."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return len(connection.recv(1)) == 1
    except OSError:
        return False
