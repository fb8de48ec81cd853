"""Datasets that a plugin brings itself, with the code that loads them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from courselens.errors import PluginError
from loaders.datasets import Dataset

_COURSE_KEY = "course_key"


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that a loader is told by the operator: a path, an address, a password.

    Its value is the environment variable `COURSELENS_PLUGIN_<DATASET>_<NAME>`, in upper case.

    Attributes:
        name: snake_case, unique within the dataset.
        description: what to set, for the operator.
        secret: whether its value is never shown.
        default: what it is if not set; None: the dataset cannot do without.
    """

    name: str
    description: str
    secret: bool = False
    default: str | None = None

    def variable(self, dataset: str) -> str:
        """The environment variable that holds it."""
        return f"COURSELENS_PLUGIN_{dataset}_{self.name}".upper()


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What a loader is told.

    Attributes:
        course_keys: courses that are known here; rows of others may be given, and are not used.
        settings: values of the settings that its dataset declares, by name, and of no others.
    """

    course_keys: Sequence[str]
    settings: Mapping[str, str]


Rows: TypeAlias = pa.Table | Iterable[Mapping[str, object]]
"""What a loader gives: an Arrow table, or rows as mappings by column."""

Load = Callable[[LoadRequest], Rows]


@dataclass(slots=True, eq=False, kw_only=True)
class OwnDataset:
    """A named table of raw facts from a source of the plugin's own.

    Attributes:
        name: snake_case, unique; begins with the plugin's name.
        version: raised when its columns or their meaning change.
        description: what it holds, and from where.
        columns: name -> kind: string, int, float, bool or strings (a list). Where there is a
            `course_key` each course sees its rows, else every course sees all.
        key: columns that tell two rows apart; of two with the same key the later wins.
        settings: what the operator tells the loader.
        every_hours: how old its copy may get before it is loaded again.
        load: the code; runs in a process of its own, for all courses together.
    """

    name: str
    version: int
    description: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    settings: tuple[Setting, ...]
    every_hours: float
    load: Load
    provider: str = field(default="", init=False)
    provider_version: str = field(default="", init=False)

    @property
    def dataset(self) -> Dataset:
        """The same as the platform's datasets are described."""
        return Dataset(self.name, self.description, dict(self.columns), self.key)


def dataset(
    *,
    name: str,
    columns: Mapping[str, str],
    key: tuple[str, ...],
    version: int = 1,
    settings: tuple[Setting, ...] = (),
    every_hours: float = 24.0,
) -> Callable[[Load], OwnDataset]:
    """Declare a dataset of the plugin's own.

    The decorated function loads it; its docstring is the dataset's description. The arguments are
    `OwnDataset`'s attributes.
    """

    def declare(load: Load) -> OwnDataset:
        return OwnDataset(
            name=name,
            version=version,
            description=inspect.getdoc(load) or "",
            columns=columns,
            key=key,
            settings=settings,
            every_hours=every_hours,
            load=load,
        )

    return declare


def read_rows(own: OwnDataset, rows: Rows) -> pa.Table:
    """What a loader gave, as a table of the declared columns: cast, one row a key.

    Text is read as the declared kind, empty text as null where the kind is not text. Columns that
    are not declared are left out.

    Raises:
        PluginError: a column is missing, a cell is of another kind, or a key is null.
    """
    schema = own.dataset.schema
    given = rows if isinstance(rows, pa.Table) else _table(own, rows)
    missing = [name for name in schema.names if name not in given.column_names]
    if missing and given.num_columns:
        raise PluginError(
            own.name,
            f"its loader gave no column {', '.join(missing)}",
            f"give exactly the declared columns: {', '.join(schema.names)}",
        )
    if missing:
        return schema.empty_table()
    columns = [_cast(own, given.column(wanted.name), wanted) for wanted in schema]
    table = pa.Table.from_arrays(columns, schema=schema)
    nulls = [name for name in own.key if table.column(name).null_count]
    if nulls:
        raise PluginError(
            own.name,
            f"its loader gave rows without {', '.join(nulls)}, which its key has",
            "leave such rows out",
        )
    return _last_of_each(table, own.key)


def _table(own: OwnDataset, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    listed = list(rows)
    names = [name for name in own.columns if all(name in row for row in listed)]
    columns = {}
    for name in names if listed else ():
        try:
            columns[name] = pa.array([row[name] for row in listed])
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            raise _misfit(own, name) from None
    return pa.table(columns)


def _cast(own: OwnDataset, column: pa.ChunkedArray, wanted: pa.Field) -> pa.ChunkedArray:
    if pa.types.is_string(column.type) and wanted.type != pa.string():
        text = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    try:
        return column.cast(wanted.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # What Arrow says quotes the cell, which may be somebody's data.
        raise _misfit(own, wanted.name) from None


def _misfit(own: OwnDataset, name: str) -> PluginError:
    return PluginError(
        own.name,
        f"its loader gave a column {name} that is no {own.columns[name]}",
        "convert it in the loader, or declare another kind",
    )


def _last_of_each(table: pa.Table, key: Sequence[str]) -> pa.Table:
    place = pa.array(range(table.num_rows), pa.int64())
    last = table.append_column("_place", place).group_by(list(key)).aggregate([("_place", "max")])
    if last.num_rows == table.num_rows:
        return table
    return table.take(last.column("_place_max").combine_chunks().sort())
