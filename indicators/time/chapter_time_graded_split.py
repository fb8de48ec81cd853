"""Time in graded and in other parts of each chapter."""

from __future__ import annotations

from dataclasses import dataclass

from courselens.plugin import (
    Annotated,
    BlockKey,
    Key,
    Level,
    Parameter,
    Parameters,
    Privacy,
    Tables,
    Value,
    cases,
    indicator,
    ir,
    null_value,
    to_seconds,
    total,
)

_SPLIT_BY = Parameter(
    "split_by",
    str,
    "sequential",
    "What counts as graded time: all of a graded subsection, or only its scored problems.",
    choices=("sequential", "problem"),
)


@dataclass(frozen=True, slots=True)
class ChapterGradedTime:
    """Time in one chapter, by the kind of place."""

    chapter: Annotated[BlockKey, Key("Chapter of the course.")]
    graded_seconds: Annotated[float | None, Value("In graded subsections.", "seconds")]
    non_graded_seconds: Annotated[float | None, Value("In other subsections.", "seconds")]
    chapter_only_seconds: Annotated[
        float | None, Value("On pages of the chapter outside its subsections.", "seconds")
    ]


@dataclass(frozen=True, slots=True)
class ChapterTimeGradedSplit:
    """All chapters in course order."""

    rows: list[ChapterGradedTime]


@indicator(
    key="chapter_time_graded_split",
    version=1,
    title="Graded and non-graded time per chapter",
    unit="seconds",
    family="time",
    levels=(Level.COURSE, Level.GROUP, Level.STUDENT),
    needs=("population", "located_time", "blocks"),
    parameters=(_SPLIT_BY,),
    student=ChapterTimeGradedSplit,
    group=ChapterTimeGradedSplit,
    takes_window=True,
    merges=True,
    privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
)
def chapter_time_graded_split(t: Tables, p: Parameters) -> ir.Table:
    """Time of a chapter in graded subsections, in others, and outside any.

    With `split_by=problem` only time on scored blocks of graded subsections is graded, the rest of
    those subsections is not. Every chapter has a row; a group's seconds are the sum of its
    students'. Where the structure does not tell whether a subsection with time is graded, the
    chapter's graded and non-graded seconds are null.

    Source: tracking log, any course event, and the course structure; Pijeira Díaz et al. 2014,
    5.2 (the paper's wording: problem); ANALYSE (sequential).
    """
    located = t.located_time.semi_join(t.population, "user_id")
    is_graded = located.graded
    if p.split_by == "problem":
        is_graded = is_graded & located.is_scored
    kinds = located.mutate(
        kind=cases(
            (located.sequential_key.isnull(), "chapter_only"),
            (is_graded, "graded"),
            (~is_graded, "non_graded"),
            else_="unknown",
        )
    )
    sums = kinds.group_by("user_id", chapter="chapter_key").agg(
        **{
            kind: total(kinds.credit_us * (kinds.kind == kind).cast("int64"))
            for kind in ("graded", "non_graded", "chapter_only", "unknown")
        }
    )
    chapters = t.blocks.filter(t.blocks.block_type == "chapter").select(chapter="block_key")
    everywhere = t.population.select("user_id").cross_join(chapters)
    spent = everywhere.left_join(sums, ["user_id", "chapter"]).select(
        everywhere.user_id, everywhere.chapter,
        *(sums[name].fill_null(0).name(name) for name in sums.columns[2:]),
    )  # fmt: skip
    is_known = spent.unknown == 0
    return spent.select(
        "user_id",
        "chapter",
        graded_seconds=is_known.ifelse(to_seconds(spent.graded), null_value("float64")),
        non_graded_seconds=is_known.ifelse(to_seconds(spent.non_graded), null_value("float64")),
        chapter_only_seconds=to_seconds(spent.chapter_only),
    )
