"""Run the loader of a plugin's own dataset, as a refresh does."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from courselens.errors import PluginError
from indicators.own_datasets import LoadRequest, OwnDataset
from indicators.own_rows import read_rows


def load_dataset(
    own: OwnDataset, *, course_keys: Sequence[str] = (), **settings: object
) -> pa.Table:
    """What a loader gives, read as declared: a table of the dataset's columns.

    Args:
        own: made with `@dataset`.
        course_keys: courses that the loader is told of.
        settings: values of the dataset's settings, as text; those with a default may be left out.

    Raises:
        PluginError: a setting is missing or unknown, or rows are not as declared.
    """
    known = {setting.name: setting for setting in own.settings}
    values = {name: one.default for name, one in known.items() if one.default is not None}
    values |= {name: str(value) for name, value in settings.items()}
    if values.keys() != known.keys():
        wrong = ", ".join(sorted(values.keys() ^ known.keys()))
        raise PluginError(
            own.name,
            f"its settings are {', '.join(known) or 'none'}; {wrong} is missing or unknown",
            "give each that has no default, and no other",
        )
    return read_rows(own, own.load(LoadRequest(course_keys, values)))
