"""A disk of the tests' own whose power can be cut: ext4 on an image, copied while it is mounted."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SIZE = 24 << 20


@contextmanager
def loop_disk(folder: Path) -> Iterator[Path]:
    """A mounted empty disk, which by itself writes nothing down for five minutes.

    Raises:
        OSError: this machine lets nobody, or not us, mount images.
    """
    image = _image(folder)
    with image.open("wb") as file:
        file.truncate(_SIZE)
    _call("mkfs.ext4", "-q", str(image))
    with _mounted(image, folder / "disk", "commit=300") as disk:
        _call("sync", "--file-system", str(disk))
        yield disk


def cut_power(folder: Path, number: int) -> Path:
    """What would be on the disk if its power failed now: an image, to be mounted later."""
    copy = folder / f"cut-{number}.img"
    _call("cp", "--sparse=always", str(_image(folder)), str(copy))
    return copy


@contextmanager
def after_cut(copy: Path) -> Iterator[Path]:
    """The disk as it is found when the power is back."""
    with _mounted(copy, copy.with_suffix(""), "noatime") as disk:
        yield disk
    copy.unlink()


def _image(folder: Path) -> Path:
    return folder / "disk.img"


@contextmanager
def _mounted(image: Path, folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    _call("mount", "-o", f"loop,{options}", str(image), str(folder))
    try:
        yield folder
    finally:
        _call("umount", "--lazy", str(folder))
        folder.rmdir()


def _call(*command: str) -> None:
    if os.geteuid() != 0 or shutil.which(command[0]) is None:
        raise OSError(f"{command[0]} needs root, or is not installed")
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{command[0]}: {done.stderr.strip()}")
