"""Statistics of ad-hoc groups in PostgreSQL, by the definitions of catalogue 1.11."""

from __future__ import annotations

from collections.abc import Sequence

from aggregates.conditions import StudentQuery
from aggregates.database import Row, Statements
from aggregates.fields import FieldRef
from aggregates.filters import StudentFilter
from aggregates.layout import Layout
from aggregates.records import AdHocSummaries, SummaryRecord
from courselens.errors import BadParameter
from indicators.shape import adds_up

MAX_BINS = 1000


async def read_ad_hoc(
    database: Statements,
    layout: Layout,
    course_id: int,
    groups: Sequence[StudentFilter],
    fields: Sequence[FieldRef],
    *,
    bins: int,
) -> list[AdHocSummaries]:
    """Summarise fields over the students that match each filter, in one statement and snapshot.

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
    matches = [" AND ".join(query.conditions(who)) or "true" for who in groups]
    belongs = ", ".join(f"({number}, ({match}))" for number, match in enumerate(matches))
    bin_count = query.argument(bins) if wanted else ""
    rows = await database.fetch(
        f"WITH members AS MATERIALIZED (SELECT g.id AS g, {', '.join(selected)}"
        f" FROM students s{query.joins()}"
        f" CROSS JOIN LATERAL (VALUES {belongs}) AS g(id, is_in)"
        " WHERE s.course_id = $1 AND (s.in_l OR s.in_e) AND g.is_in)"
        " SELECT g, -1 AS field, count(*) FILTER (WHERE in_l) AS n, NULL::bigint AS n_null,"
        " NULL::float8 AS mean, NULL::float8 AS sd, NULL::float8[] AS quartiles,"
        " NULL::float8 AS sum, NULL::float8 AS minimum, NULL::float8 AS maximum,"
        " NULL::bigint[] AS histogram FROM members GROUP BY g"
        + "".join(" UNION ALL " + _one(number, bin_count) for number in range(len(wanted))),
        *query.args,
    )
    found = {(row["g"], row["field"]): row for row in rows}
    return [
        AdHocSummaries(
            size=found[group, -1]["n"] if (group, -1) in found else 0,
            summaries={
                (ref.indicator, ref.field): _record(layout, ref, found.get((group, number)))
                for number, ref in enumerate(wanted)
            },
        )
        for group in range(len(groups))
    ]


def _one(number: int, bins: str) -> str:
    member, value = f"m{number}", f"v{number}"
    # The bin's formula multiplies before it divides: exact for whole numbers, and the same
    # floating-point steps as the precomputed summaries'.
    return f"""(
        WITH a AS (
            SELECT g, count({value}) AS n, count(*) - count({value}) AS n_null,
                avg({value}) AS mean, stddev_samp({value}) AS sd,
                percentile_cont(ARRAY[0.25, 0.5, 0.75])
                    WITHIN GROUP (ORDER BY {value}) AS quartiles,
                sum({value}) AS sum, min({value}) AS minimum, max({value}) AS maximum
            FROM members WHERE {member} GROUP BY g
        ), filled AS (
            SELECT g, CASE WHEN maximum > minimum THEN least({bins}::int - 1,
                floor(({value} - minimum) * {bins}::int / (maximum - minimum))) ELSE 0 END::int
                AS bin, count(*) AS counted
            FROM members JOIN a USING (g) WHERE {member} AND {value} IS NOT NULL GROUP BY 1, 2
        )
        SELECT g, {number}, n, n_null, mean, sd, quartiles, sum, minimum, maximum,
            (SELECT array_agg(coalesce(counted, 0) ORDER BY place)
             FROM generate_series(0, CASE WHEN maximum > minimum THEN {bins}::int ELSE 1 END - 1)
                 AS place LEFT JOIN filled ON bin = place AND filled.g = a.g)
        FROM a)"""


def _record(layout: Layout, ref: FieldRef, row: Row | None) -> SummaryRecord:
    if row is None:  # nobody is in the group
        nothing = dict.fromkeys(("mean", "sd", "median", "p25", "p75", "sum", "minimum", "maximum"))
        return SummaryRecord("", ref.indicator, ref.field, n=0, n_null=0, histogram=(), **nothing)
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
