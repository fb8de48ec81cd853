"""Load a plugin's own dataset in a process that knows its settings and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pyarrow.parquet as pq

from courselens.errors import PluginError
from indicators.apart.guard import forbid
from indicators.apart.words import Tell, Word
from indicators.contract import ENTRY_POINT_GROUP
from indicators.own_datasets import LoadRequest, OwnDataset
from indicators.own_rows import read_rows


@dataclass(frozen=True, slots=True)
class LoadJob:
    """Load one dataset for all courses.

    Attributes:
        name: of the dataset.
        entry: where its declaration is found, `module:attribute`.
        course_keys: courses that are known.
        settings: values of its settings by name.
        file: where its rows go, as Parquet.
    """

    name: str
    entry: str
    course_keys: Sequence[str]
    settings: Mapping[str, str]
    file: str

    def do(self, tell: Tell) -> None:
        """Write the rows, checked against the declared columns."""
        own: OwnDataset = EntryPoint(self.name, self.entry, ENTRY_POINT_GROUP).load()
        forbid(self.name, network=True)
        try:
            table = read_rows(own, own.load(LoadRequest(self.course_keys, self.settings)))
        except PluginError:
            raise
        except Exception as exc:  # an edge: third-party code runs here
            # What it says may quote rows or a password; where it happened does not.
            trace, at = exc.__traceback__, "its loader"
            while trace is not None:
                code = trace.tb_frame.f_code
                at = f"{code.co_name}, line {trace.tb_lineno}"
                trace = trace.tb_next
            raise PluginError(
                self.name, f"its loader failed: {type(exc).__name__} in {at}", "see its source"
            ) from None
        pq.write_table(table, self.file)
        tell(Word("done"))
