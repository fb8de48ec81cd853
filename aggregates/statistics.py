"""Statistics of an ad-hoc group in PostgreSQL, by the definitions of catalogue 1.11."""

from __future__ import annotations

from collections.abc import Sequence

from aggregates.conditions import StudentQuery
from aggregates.database import Database, Row
from aggregates.fields import FieldRef
from aggregates.filters import StudentFilter
from aggregates.layout import Layout
from aggregates.records import AdHocSummaries, SummaryRecord
from courselens.errors import BadParameter
from indicators.shape import adds_up

MAX_BINS = 1000


async def read_ad_hoc(
    database: Database,
    layout: Layout,
    course_id: int,
    who: StudentFilter,
    fields: Sequence[FieldRef],
    *,
    bins: int,
) -> AdHocSummaries:
    """Summarise fields over the students that match, in one statement and so one snapshot.

    An indicator over everybody ever enrolled (`E`) counts its own population; `size` is `L`.
    """
    if not 1 <= bins <= MAX_BINS:
        raise BadParameter("bins", bins, f"a whole number from 1 to {MAX_BINS}")
    wanted = list(dict.fromkeys(fields))
    query = StudentQuery(layout, course_id)
    selected = ["s.in_l"]
    for number, ref in enumerate(wanted):
        _, field = layout.field(ref)
        if not field.is_numeric:
            raise BadParameter("field", ref.field, "a number of one student")
        ever = layout.registry.indicator(ref.indicator).population == "ever_enrolled"
        selected.append(f"s.{'in_e' if ever else 'in_l'} AS m{number}")
        selected.append(f"{query.column(ref)}::float8 AS v{number}")
    where = ["s.course_id = $1", "(s.in_l OR s.in_e)", *query.conditions(who)]
    bin_count = query.argument(bins) if wanted else ""
    rows = await database.fetch(
        f"WITH members AS MATERIALIZED (SELECT {', '.join(selected)}"
        f" FROM students s{query.joins()} WHERE {' AND '.join(where)})"
        " SELECT -1 AS field, count(*) FILTER (WHERE in_l) AS n, NULL::bigint AS n_null,"
        " NULL::float8 AS mean, NULL::float8 AS sd, NULL::float8[] AS quartiles,"
        " NULL::float8 AS sum, NULL::float8 AS minimum, NULL::float8 AS maximum,"
        " NULL::bigint[] AS histogram FROM members"
        + "".join(" UNION ALL " + _one(number, bin_count) for number in range(len(wanted))),
        *query.args,
    )
    by_number = {row["field"]: row for row in rows}
    summaries = {
        (ref.indicator, ref.field): _record(layout, ref, by_number[number])
        for number, ref in enumerate(wanted)
    }
    return AdHocSummaries(size=by_number[-1]["n"], summaries=summaries)


def _one(number: int, bins: str) -> str:
    member, value = f"m{number}", f"v{number}"
    # The bin's formula multiplies before it divides: exact for whole numbers, and the same
    # floating-point steps as the precomputed summaries'.
    return f"""(
        WITH a AS (
            SELECT count({value}) AS n, count(*) - count({value}) AS n_null,
                avg({value}) AS mean, stddev_samp({value}) AS sd,
                percentile_cont(ARRAY[0.25, 0.5, 0.75])
                    WITHIN GROUP (ORDER BY {value}) AS quartiles,
                sum({value}) AS sum, min({value}) AS minimum, max({value}) AS maximum
            FROM members WHERE {member}
        ), filled AS (
            SELECT CASE WHEN maximum > minimum THEN least({bins}::int - 1,
                floor(({value} - minimum) * {bins}::int / (maximum - minimum))) ELSE 0 END::int
                AS bin, count(*) AS counted
            FROM members, a WHERE {member} AND {value} IS NOT NULL GROUP BY 1
        )
        SELECT {number}, n, n_null, mean, sd, quartiles, sum, minimum, maximum,
            (SELECT array_agg(coalesce(counted, 0) ORDER BY place)
             FROM generate_series(0, CASE WHEN maximum > minimum THEN {bins}::int ELSE 1 END - 1)
                 AS place LEFT JOIN filled ON bin = place)
        FROM a)"""


def _record(layout: Layout, ref: FieldRef, row: Row) -> SummaryRecord:
    p25, median, p75 = row["quartiles"] or (None, None, None)
    _, field = layout.field(ref)
    return SummaryRecord(
        group_id="",
        indicator=ref.indicator,
        field=ref.field,
        n=row["n"],
        n_null=row["n_null"],
        mean=row["mean"],
        sd=row["sd"],
        median=median,
        p25=p25,
        p75=p75,
        sum=row["sum"] if adds_up(field) else None,
        minimum=row["minimum"],
        maximum=row["maximum"],
        histogram=tuple(row["histogram"]) if row["n"] else (),
    )
