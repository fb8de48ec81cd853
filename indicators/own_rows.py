"""What the loader of a plugin's own dataset gave, as the table that it declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from courselens.errors import PluginError
from indicators.own_datasets import OwnDataset, Rows


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
