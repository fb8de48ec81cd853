"""Processes of jobs: bounded, alone, and gone with whoever asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from courselens.errors import MissingSource, PluginError
from indicators.apart.apart import Apart
from tests.indicators.apart.jobs import Act

PARENT = """
import sys
from indicators.apart.apart import Apart
from tests.indicators.apart.jobs import Act
Apart(seconds=600, memory_mb=512).run(Act("sleep", sys.argv[1]), "acme")
"""


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    with Apart(seconds=30, memory_mb=512) as apart:
        yield apart


def wait_for(file: Path) -> int:
    """The process id that a job writes."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if file.exists() and (text := file.read_text()):
            return int(text)
        time.sleep(0.01)
    raise AssertionError(f"{file} was not written")


def is_gone(pid: int) -> bool:
    """Whether a process ends soon."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def test_each_job_has_a_process_of_its_own(apart, tmp_path):
    for name in ("a", "b"):
        apart.run(Act("write", str(tmp_path / name)), "acme")
    first, second = (int((tmp_path / name).read_text()) for name in ("a", "b"))
    assert len({first, second, os.getpid()}) == 3


def test_jobs_of_several_threads_do_not_meet(apart, tmp_path):
    files = [tmp_path / str(number) for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda file: apart.run(Act("write", str(file)), "acme"), files))
    assert len({file.read_text() for file in files}) == 8


@pytest.mark.parametrize(
    ("what", "kind", "expected"),
    [
        ("refuse", PluginError, "^acme: it is wrong. Fix: mend it$"),
        ("say nothing", PluginError, "acme: ended without a result. Fix: "),
        ("lack", MissingSource, "no grants and no funds"),
        ("fill", PluginError, r"acme: OSError: \[Errno 28\] no room. Fix: "),
    ],
)
def test_how_a_job_fails_is_told(apart, what, kind, expected):
    with pytest.raises(kind, match=expected):
        apart.run(Act(what), "acme")


def test_a_job_that_is_given_up_is_gone_with_what_it_started(apart, tmp_path):
    words = apart.words(Act("sleep", str(tmp_path / "pid")), "acme", seconds=0.5)
    with pytest.raises(PluginError, match=r"took more than 0.5 s"):
        next(words)
    assert is_gone(wait_for(tmp_path / "pid"))
    apart.run(Act("copy", str(tmp_path / "copy")), "acme")
    assert is_gone(wait_for(tmp_path / "copy"))


def test_what_a_killed_job_spilled_goes_with_the_folder():
    with Apart(seconds=30, memory_mb=512) as apart:
        with pytest.raises(PluginError, match=r"was ended by SIGKILL. Fix: mend its code"):
            apart.run(Act("spill"), "acme")
        (spilled,) = apart.folder.glob("*/spill")
    assert not spilled.exists()


def test_what_is_printed_without_end_fills_no_disk(apart):
    apart.run(Act("flood"), "acme")
    assert list(apart.folder.glob("output-*")) == []


def test_a_job_ends_with_the_process_that_asked(tmp_path):
    file = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(file)])
    pid = wait_for(file)
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    assert is_gone(pid)


def test_nothing_is_started_and_nothing_left_where_no_job_comes():
    with Apart(seconds=1, memory_mb=512) as apart:
        folder = apart.folder
        assert folder.exists()
    assert not folder.exists()
