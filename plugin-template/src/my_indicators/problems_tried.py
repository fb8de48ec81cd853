"""Problems that students have tried; read from the platform at request time."""

from __future__ import annotations

from dataclasses import dataclass

from courselens.plugin import (
    Annotated,
    Cost,
    Level,
    Parameters,
    Privacy,
    Sources,
    Tables,
    Value,
    indicator,
    ir,
)


@dataclass(frozen=True, slots=True)
class ProblemsTried:
    """Of one student."""

    problems: Annotated[int | None, Value("Problems with at least one checked answer.", "count")]


@indicator(
    key="my_indicators_problems_tried",
    version=1,
    title="Problems tried",
    unit="count",
    family="problems",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("population", "module_states"),
    student=ProblemsTried,
    privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
    cost=Cost.LIVE,
)
def problems_tried(t: Tables, p: Parameters) -> ir.Table:
    """Count the problems that a student has submitted an answer to.

    Source: courseware_studentmodule, `attempts` of problems.
    """
    states = t.module_states
    tried = states.filter((states.block_type == "problem") & (states.attempts > 0))
    counted = tried.group_by("user_id").agg(problems=tried.count())
    joined = t.population.left_join(counted, "user_id")
    return joined.select("user_id", problems=joined.problems.fill_null(0))


@problems_tried.live_for_students(reads=("module_states",))
async def problems_tried_now(sources: Sources, p: Parameters) -> dict[int, ProblemsTried]:
    """The same for a few students, from the platform's table as it is now."""
    states = await sources.students("module_states")
    counts = dict.fromkeys(sources.user_ids, 0)
    for row in states.to_pylist():
        if row["block_type"] == "problem" and (row["attempts"] or 0) > 0:
            counts[row["user_id"]] += 1
    return {user_id: ProblemsTried(problems) for user_id, problems in counts.items()}
