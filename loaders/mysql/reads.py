"""How datasets are read from tables: declarations, and the SQL they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loaders.mysql.schema import Schema
from loaders.tables.queries import TableQuery
from loaders.tables.specs import TableSpec

KEYS_PER_LIST = 500
"""Most keys in an `IN` list, the platform's own chunk size."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A table of a statement: `on` joins it to those before it.

    A table that is not `needed` is left out where the installation lacks it, and its columns are
    null. `computed` are columns made by an expression, which looks into the tables of
    `looks_into`; `physical` is the table's name in the database where that is not the
    specification's.
    """

    spec: TableSpec
    alias: str
    on: str = ""
    needed: bool = True
    computed: Mapping[str, str] | None = None
    looks_into: tuple[str, ...] = ()
    physical: str = ""

    @property
    def table(self) -> str:
        """Name in the database."""
        return self.physical or self.spec.name


@dataclass(frozen=True, slots=True)
class Path:
    """A way to rows: a condition that an index answers, and the order in which pages follow.

    Attributes:
        where: condition on the parameters `course_key`, `user_ids` or `parents`; "" for all rows.
        keyset: columns, with aliases, that tell all rows apart and follow the index.
        index: leading columns of an index of the first table, without which the path is closed.
        through: a table that leads to the read's own.
        parents: other rows, of whose first column the rows are asked for in lists.
    """

    where: str
    keyset: tuple[str, ...]
    index: tuple[str, ...]
    through: Joined | None = None
    parents: Read | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a cursor can find of a table that changes.

    `by_id` copies in the order of the primary key. `by_time` finds rows that were made or changed
    since; without it only new rows are found, and rows that changed are found by `fingerprint`.
    """

    by_id: Path
    by_time: Path | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """One table, with what is joined to it, that gives rows of a dataset.

    Paths are tried in order; the first that the installation's indexes allow is taken.
    `database` is `main`, or `history` for tables that live in the second database.
    """

    name: str
    query: TableQuery
    tables: tuple[Joined, ...]
    by_course: tuple[Path, ...] = ()
    by_users: tuple[Path, ...] = ()
    everything: Path | None = None
    changes: Changes | None = None
    database: str = "main"


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with named parameters.

    Attributes:
        sql: all of it.
        columns: (table, column) of the values; those of the keyset follow them.
        expressions: what is selected for the columns.
        source: all after FROM, without order and limit.
        keyset_kinds: int or text, for each part of the keyset.
    """

    sql: str
    columns: tuple[tuple[str, str], ...]
    expressions: tuple[str, ...]
    source: str
    keyset_kinds: tuple[str, ...]


def render(
    read: Read, path: Path, schema: Schema, *, is_next: bool = False, limit: int | None = None
) -> Statement:
    """The statement that reads rows on a path.

    Args:
        read: the tables.
        path: one whose index the installation has.
        schema: what the installation has.
        is_next: whether it goes on after the parameters `after_0`, `after_1`, ...
        limit: rows of a page; None for all rows at once.
    """
    tables = [joined for joined in read.tables if joined.needed or schema.has(joined.table)]
    columns = [
        ((joined.spec.name, name), sql)
        for joined in tables
        for name, sql in _columns(joined, schema).items()
    ]
    expressions = tuple(sql for _, sql in columns)
    first = path.through or tables[0]
    source = [f"{first.table} AS {first.alias}"]
    source.append(f"FORCE INDEX (`{schema.find_index(first.table, path.index)}`)")
    if path.through is not None:
        source.append(f"JOIN {tables[0].table} AS {tables[0].alias} ON {path.through.on}")
    source += [
        f"{'JOIN' if joined.needed else 'LEFT JOIN'} {joined.table} AS {joined.alias}"
        f" ON {joined.on}"
        for joined in tables[1:]
    ]
    conditions = [path.where] if path.where else []
    if is_next:
        conditions.append(_after(path.keyset))
    if conditions:
        source.append("WHERE " + " AND ".join(conditions))
    whole = " ".join(source)
    # The tables are in the order in which their indexes lead from one to the next.
    sql = f"SELECT STRAIGHT_JOIN {', '.join((*expressions, *path.keyset))} FROM {whole}"
    if limit is not None:
        sql += f" ORDER BY {', '.join(path.keyset)} LIMIT {limit}"
    return Statement(
        sql, tuple(where for where, _ in columns), expressions, whole, _kinds(path, tables)
    )


def _kinds(path: Path, tables: list[Joined]) -> tuple[str, ...]:
    """Whether the parts of a keyset are numbers: what no specification names is an id."""
    kinds = {
        f"{joined.alias}.{name}": kind
        for joined in tables
        for name, kind in joined.spec.columns.items()
    }
    found = (kinds.get(column, "int") for column in path.keyset)
    return tuple("int" if kind in ("int", "bool") else "text" for kind in found)


def _columns(joined: Joined, schema: Schema) -> dict[str, str]:
    """Columns that the installation has, by the specification's name."""
    found = {}
    computed = joined.computed or {}
    for name in (*joined.spec.columns, *joined.spec.raw):
        if name in computed:
            found[name] = computed[name]
            continue
        spellings = (name, *(other for other, own in joined.spec.aliases.items() if own == name))
        known = [each for each in spellings if schema.has(joined.table, each)]
        if known:
            found[name] = f"{joined.alias}.`{known[0]}`"
    return found


def _after(keyset: tuple[str, ...]) -> str:
    """Rows beyond the last one: spelt out, for row values are not looked up in an index."""
    sql = ""
    for nth in reversed(range(len(keyset))):
        beyond = f"{keyset[nth]} > %(after_{nth})s"
        sql = f"({beyond} OR ({keyset[nth]} = %(after_{nth})s AND {sql}))" if sql else beyond
    return f"{keyset[0]} >= %(after_0)s AND {sql}" if len(keyset) > 1 else sql
