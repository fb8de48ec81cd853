"""The tutoring centre's sessions, from its CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from courselens.plugin import LoadRequest, Setting, dataset


@dataset(
    name="acme_tutoring_sessions",
    columns={
        "session": "string",
        "course_key": "string",
        "username": "string",
        "minutes": "float",
    },
    key=("session",),
    settings=(Setting("file", "CSV file of the tutoring centre."),),
)
def sessions(request: LoadRequest) -> Iterator[dict[str, object]]:
    """Sessions at the tutoring centre, one row each.

    Source: the centre's nightly export.
    """
    with Path(request.settings["file"]).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield dict(row)
