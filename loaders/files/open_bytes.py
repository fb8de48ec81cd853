"""Files as bytes, whether compressed or not."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import BinaryIO, cast

GZIP_MAGIC = b"\x1f\x8b"


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading; gzip is recognised by its content and unpacked on the way.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        is_gzip = file.read(2) == GZIP_MAGIC
    return cast("BinaryIO", gzip.open(path, "rb")) if is_gzip else path.open("rb")
