"""How students' time is spread over the chapters of a course."""

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
    ifelse,
    indicator,
    ir,
    null_value,
    safe_div,
    to_seconds,
    total,
    total_float,
)

_STAT = Parameter(
    "stat",
    str,
    "sum",
    "What a group's seconds are: the sum over its students, or the mean or median over those who "
    "visited the chapter, which takes out that fewer students reach later chapters.",
    choices=("sum", "mean_per_visitor", "median"),
)


@dataclass(frozen=True, slots=True)
class ChapterTime:
    """Time in one chapter."""

    chapter: Annotated[BlockKey, Key("Chapter of the course.")]
    seconds: Annotated[float | None, Value("Time located in it, by `stat` for a group.", "seconds")]
    share: Annotated[
        float | None, Value("Its part of the time in all chapters; null without time.", "share")
    ]


@dataclass(frozen=True, slots=True)
class OtherTime:
    """Time outside the chapters."""

    location: Annotated[
        BlockKey, Key("Pseudo-block such as `_forum_` or `_removed_`, or the course root.")
    ]
    seconds: Annotated[float | None, Value("Time located there, by `stat` for a group.", "seconds")]


@dataclass(frozen=True, slots=True)
class ChapterTimeDistribution:
    """All chapters in course order, and the time that lies in none of them."""

    rows: list[ChapterTime]
    other: list[OtherTime]


@indicator(
    key="chapter_time_distribution",
    version=1,
    title="Time per chapter",
    unit="seconds",
    family="time",
    levels=(Level.COURSE, Level.GROUP, Level.STUDENT),
    needs=("population", "located_time", "blocks"),
    uses=("memberships", "groups"),
    parameters=(_STAT,),
    student=ChapterTimeDistribution,
    group=ChapterTimeDistribution,
    takes_window=True,
    privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
)
def chapter_time_distribution(t: Tables, p: Parameters) -> dict[str, ir.Table]:
    """Time located in each chapter, and its share of the time in all chapters.

    Time outside the chapters stands beside (`other`) and is in no share. Every chapter has a row;
    without any time the shares are null.

    Source: tracking log, any course event, and the course structure; Pijeira Díaz et al. 2014, 5.2.
    """
    located = t.located_time.semi_join(t.population, "user_id")
    spent = located.group_by("user_id", "chapter_key").agg(seconds=_seconds(located))
    elsewhere = located.filter(located.chapter_key.isnull())
    return {
        "rows": _shares("user_id", t.population, t.blocks, spent, without=0.0),
        "other": elsewhere.group_by("user_id", location="block_key").agg(
            seconds=_seconds(elsewhere)
        ),
    }


@chapter_time_distribution.for_groups
def of_groups(t: Tables, p: Parameters) -> dict[str, ir.Table]:
    """The sum over the group's students, or the mean or median over the visitors of a chapter."""
    located = t.located_time
    in_chapters = located.filter(located.chapter_key.notnull())
    elsewhere = located.filter(located.chapter_key.isnull())
    spent = _statistic(in_chapters, t.memberships, "chapter_key", p.stat)
    other = _statistic(elsewhere, t.memberships, "block_key", p.stat)
    without = 0.0 if p.stat == "sum" else None
    return {
        "rows": _shares("group_id", t.groups, t.blocks, spent, without=without),
        "other": other.rename(location="block_key"),
    }


def _seconds(located: ir.Table) -> ir.FloatingScalar:
    return to_seconds(total(located.credit_us))


def _statistic(located: ir.Table, memberships: ir.Table, place: str, stat: str) -> ir.Table:
    """(group_id, place, seconds) of a group's learners."""
    per_learner = located.group_by("user_id", place).agg(
        credit_us=total(located.credit_us), is_visitor=located.is_visitor.any()
    )
    rows = memberships.inner_join(per_learner, "user_id")
    if stat == "median":
        seconds = ifelse(
            rows.is_visitor, to_seconds(rows.credit_us), null_value("float64")
        ).median()
    elif stat == "mean_per_visitor":
        visited_us = rows.credit_us.sum(where=rows.is_visitor)
        seconds = safe_div(to_seconds(visited_us), rows.is_visitor.cast("int64").sum())
    else:
        seconds = _seconds(rows)
    return rows.group_by("group_id", place).agg(seconds=seconds)


def _shares(
    subject: str, subjects: ir.Table, blocks: ir.Table, spent: ir.Table, *, without: float | None
) -> ir.Table:
    """Seconds and share of every chapter for every subject; `without` is a chapter without rows."""
    chapters = blocks.filter(blocks.block_type == "chapter").select(chapter_key="block_key")
    everywhere = subjects.select(subject).cross_join(chapters)
    known = everywhere.left_join(spent, [subject, "chapter_key"]).select(
        everywhere[subject], everywhere.chapter_key, spent.seconds
    )
    if without is not None:
        known = known.mutate(seconds=known.seconds.fill_null(without))
    totals = known.group_by(subject).agg(total_seconds=total_float(known.seconds))
    joined = known.inner_join(totals, subject)
    return joined.select(
        subject,
        "seconds",
        chapter=joined.chapter_key,
        share=safe_div(joined.seconds, joined.total_seconds),
    )
