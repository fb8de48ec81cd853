"""What a course's students may be told about the class: it changes only when enough people changed.

A refresh offers every number of the class as a `Unit`: a free summary, or one row of a part. A unit
takes the place of the released one only if at least `K_MIN` people changed what it is made of;
else the released one stays, with its `as_of`. So no two answers, on whatever days, differ by fewer.
Tables by profile are one unit, with all their rows.
Numbers that stand for too few people to be shown are released like all others, or the day on which
they appear would tell of one more.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence

from aggregates.database import Connection
from aggregates.sketches import changed
from aggregates.small_numbers import K_MIN, counts_people
from aggregates.units import Unit, is_together, units_of, version_of
from indicators.contract import Privacy
from indicators.registry import Registry
from indicators.result import CourseResults, Status

_COLUMNS = tuple(field.name for field in dataclasses.fields(Unit))


async def release_course(
    connection: Connection,
    registry: Registry,
    results: CourseResults,
    course_id: int,
    *,
    deadline_seconds: float,
) -> None:
    """Release what enough people changed, inside the transaction of a refresh."""
    rows = await connection.fetch(
        f"SELECT {', '.join(_COLUMNS)} FROM released WHERE course_id = $1",
        course_id,
        timeout=deadline_seconds,
    )
    old = {(unit.indicator, unit.part, unit.keys): unit for unit in (Unit(*row) for row in rows)}
    gone, new = await asyncio.to_thread(choose, registry, results, old)
    await connection.executemany(
        "DELETE FROM released WHERE (course_id, indicator, part, keys) = ($1, $2, $3, $4)",
        [(course_id, *key) for key in gone],
        timeout=deadline_seconds,
    )
    await connection.copy_records_to_table(
        "released",
        records=[(course_id, *(getattr(unit, name) for name in _COLUMNS)) for unit in new],
        columns=["course_id", *_COLUMNS],
        timeout=deadline_seconds,
    )


UnitKey = tuple[str, str, str]


def choose(
    registry: Registry, results: CourseResults, old: Mapping[UnitKey, Unit]
) -> tuple[list[UnitKey], list[Unit]]:
    """Units that end, those that take another's place among them, and units that begin."""
    gone: list[UnitKey] = []
    new: list[Unit] = []
    for result in results.results:
        key, envelope = result.indicator.key, result.envelope
        if Privacy.AGG not in result.indicator.privacy:
            gone += [one for one in old if one[0] == key]
            continue
        if envelope.status is not Status.READY or envelope.missing_source:
            continue  # nothing new is known
        offered = {
            (unit.indicator, unit.part, unit.keys): unit
            for unit in units_of(registry, results, result)
        }
        if is_together(result.indicator):
            told = {one: unit for one, unit in old.items() if one[0] == key}
            if _is_due(list(told.values()), list(offered.values())):
                gone += told
                new += offered.values()
            continue
        for known in (one for one in old if one[0] == key and one not in offered):
            before = old[known]
            if before.version != version_of(result) or (
                _lost(before, _counts(registry, before)) >= K_MIN
            ):
                gone.append(known)
        for found, unit in offered.items():
            counts = _counts(registry, unit)
            replaced = old.get(found)
            if replaced is not None:
                is_same = replaced.version == unit.version
                if is_same and _moved(replaced, unit, counts) < K_MIN:
                    continue
                gone.append(found)
            new.append(unit)
    return gone, new


def _is_due(before: Sequence[Unit], after: Sequence[Unit]) -> bool:
    """Whether enough people changed between two states of units that are released at once."""
    old = next((unit for unit in before if unit.sketch is not None), None)
    new = next((unit for unit in after if unit.sketch is not None), None)
    if old is None or new is None or old.version != new.version:
        return True
    return changed(old.sketch or b"", new.sketch or b"") >= K_MIN


def _moved(before: Unit, after: Unit, counts: Sequence[str]) -> int:
    """People at least who changed between two states of a unit."""
    if before.sketch is not None and after.sketch is not None:
        return changed(before.sketch, after.sketch)
    moves = [
        abs(int(after.content.get(name) or 0) - int(before.content.get(name) or 0))
        for name in counts
    ]
    return max(moves, default=0)


def _lost(unit: Unit, counts: Sequence[str]) -> int:
    """People at least who changed if there is no such unit any more."""
    if unit.sketch is not None:
        return changed(unit.sketch, bytes(len(unit.sketch)))
    return max((int(unit.content.get(name) or 0) for name in counts), default=0)


def _counts(registry: Registry, unit: Unit) -> list[str]:
    """Fields of a unit that count people."""
    group = registry.group_shape(unit.indicator)
    part = group.part(unit.part) if group else None
    return [field.name for field in part.values if counts_people(field)] if part else []
