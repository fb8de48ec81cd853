"""Time that students spend on each place of a course."""

from __future__ import annotations

from dataclasses import dataclass

from courselens.plugin import (
    Annotated,
    BlockKey,
    Key,
    Level,
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
    union,
)

_PLACE = "Block at any height of the course, or a pseudo-block such as `_forum_`."


@dataclass(frozen=True, slots=True)
class BlockTime:
    """Time of one student on one block and below it."""

    block: Annotated[BlockKey, Key(_PLACE)]
    seconds: Annotated[float | None, Value("Time located there.", "seconds")]


@dataclass(frozen=True, slots=True)
class TimePerBlock:
    """Where one student spent time; a block without a row has none."""

    rows: list[BlockTime]


@dataclass(frozen=True, slots=True)
class GroupBlockTime:
    """Time of a group on one block and below it."""

    block: Annotated[BlockKey, Key(_PLACE)]
    seconds: Annotated[float | None, Value("Sum over the students.", "seconds")]
    visitors: Annotated[int | None, Value("Students with at least one event located there.")]
    mean_seconds: Annotated[float | None, Value("Mean over the visitors.", "seconds")]
    median_seconds: Annotated[float | None, Value("Median over the visitors.", "seconds")]


@dataclass(frozen=True, slots=True)
class GroupTimePerBlock:
    """Where a group spent time: every block of the structure, and the pseudo-blocks with time."""

    rows: list[GroupBlockTime]


@indicator(
    key="time_per_block",
    version=1,
    title="Time per resource, section and chapter",
    unit="seconds",
    family="time",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("population", "located_time", "blocks"),
    uses=("memberships", "groups"),
    student=TimePerBlock,
    group=GroupTimePerBlock,
    takes_window=True,
    merges=True,
    privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
)
def time_per_block(t: Tables, p: Parameters) -> ir.Table:
    """Credits grouped by location, each block with all below it.

    Parallel tabs count once: a student has one time line. The course root holds the student's
    whole time, pseudo-blocks and removed blocks (`_removed_`) included. There are rows for places
    with time or an event; any other has 0.

    Source: tracking log, any course event, and the course structure; Pijeira Díaz et al. 2014, 4.2.
    """
    spent = _with_containers(t).semi_join(t.population, "user_id")
    return spent.select("user_id", "block", seconds=to_seconds(spent.credit_us))


@time_per_block.for_groups
def of_groups(t: Tables, p: Parameters) -> ir.Table:
    """Sum over all members, mean and median over visitors; blocks nobody visited have 0."""
    spent = t.memberships.inner_join(_with_containers(t), "user_id")
    measured = spent.group_by("group_id", "block").agg(
        seconds=to_seconds(total(spent.credit_us)),
        visitors=total(spent.is_visitor.cast("int64")),
        mean_seconds=safe_div(
            to_seconds(spent.credit_us.sum(where=spent.is_visitor)),
            spent.is_visitor.cast("int64").sum(),
        ),
        median_seconds=ifelse(
            spent.is_visitor, to_seconds(spent.credit_us), null_value("float64")
        ).median(),
    )
    everywhere = t.groups.select("group_id").cross_join(t.blocks.select(block="block_key"))
    quiet = everywhere.anti_join(measured, ["group_id", "block"])
    return measured.union(
        quiet.select(
            "group_id", "block", seconds=0.0, visitors=0, mean_seconds=None, median_seconds=None
        ).cast(measured.schema())
    )


def _with_containers(t: Tables) -> ir.Table:
    """Time of each learner by place: (user_id, block, credit_us, is_visitor), containers summed."""
    located = t.located_time
    roots = t.blocks.filter(t.blocks.parent_key.isnull()).select(root_key="block_key")
    below_root = located.cross_join(roots)
    above = [
        located.filter((located[name] != located.block_key).fill_null(False)).select(
            "user_id", "credit_us", "is_visitor", block=located[name]
        )
        for name in ("chapter_key", "sequential_key", "vertical_key")
    ]
    rows = union(
        located.select("user_id", "credit_us", "is_visitor", block=located.block_key),
        *above,
        below_root.filter(below_root.block_key != below_root.root_key).select(
            "user_id", "credit_us", "is_visitor", block=below_root.root_key
        ),
    )
    return rows.group_by("user_id", "block").agg(
        credit_us=total(rows.credit_us), is_visitor=rows.is_visitor.any()
    )
