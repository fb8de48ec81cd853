"""Hidden blocks: what a learner cannot see though others can (catalogue 1.7)."""

from __future__ import annotations

from courselens.plugin import Parameters, Tables, intermediate, ir, literal, union

MODE_PARTITION = 50
"""ENROLLMENT_TRACK_PARTITION_ID: the partition whose groups are the enrolment modes."""

MODE_GROUPS = {
    "audit": 1,
    "verified": 2,
    "professional": 3,
    "no-id-professional": 4,
    "credit": 2,  # the platform shows credit learners what the verified see
    "honor": 6,
    "masters": 7,
    "executive-education": 8,
    "unpaid-executive-education": 9,
    "paid-executive-education": 10,
    "unpaid-bootcamp": 11,
    "paid-bootcamp": 12,
}
"""Group of a mode in that partition: COURSE_ENROLLMENT_MODES of the platform's settings."""

_OTHER_MODE = MODE_GROUPS["audit"]  # CourseMode.DEFAULT_MODE, for modes the platform does not know


@intermediate(
    name="hidden_blocks",
    columns={"user_id": "int", "block_key": "string"},
    needs=("blocks", "ever_enrolled"),
    uses=("block_access", "cohort_members", "experiment_groups", "module_states"),
)
def hidden_blocks(t: Tables, p: Parameters) -> ir.Table:
    """One row per member of E and block that is restricted and not open to them.

    A restriction is met by one of its groups; all restrictions of a block must be met. Groups are
    the content groups of cohorts, enrolment modes and experiment arms. What a library draws is seen
    by those it was drawn for. Where the source does not tell a partition's groups, or the draws,
    nothing is hidden by them. What nobody sees is the matter of `open_blocks`.

    Source: group_access, split_test and library_content fields of the structure;
    course_groups_* tables, student_courseenrollment.mode, user_api_usercoursetag,
    courseware_studentmodule.state.
    """
    hidden = _by_groups(t)
    if t.has("module_states"):
        hidden = union(hidden, _by_draw(t))
    return hidden.distinct()


def open_blocks(blocks: ir.Table, p: Parameters) -> ir.Table:
    """Blocks that learners can see at all: released by `as_of`, and not for the team only."""
    is_released = blocks.released_us.isnull() | (blocks.released_us <= p.as_of_us)
    return blocks.filter(is_released & ~blocks.visible_to_staff_only.fill_null(False))


def visible_to(rows: ir.Table, hidden: ir.Table) -> ir.Table:
    """Rows of (user_id, block_key) whose block that learner can see."""
    return rows.anti_join(hidden, ["user_id", "block_key"])


def _by_groups(t: Tables) -> ir.Table:
    # Few sets of groups serve many blocks: learners are matched with sets, sets with blocks.
    access = t.block_access
    rules = access.group_by("block_key", "constraint_key", "partition_id").agg(
        groups=access.group_id.cast("string").collect().sort().join(",").fill_null("")
    )
    sets = rules.select("partition_id", "groups").distinct()
    told = sets.filter(
        (sets.partition_id == MODE_PARTITION)
        | (sets.groups == "")
        | sets.partition_id.isin(_told_partitions(t).partition_id)
    )
    everyone = t.ever_enrolled.select("user_id", "mode")
    pairs = everyone.cross_join(told)
    is_mode_unknown = pairs.mode.isnull() | (pairs.mode == "")
    pairs = pairs.filter(~((pairs.partition_id == MODE_PARTITION) & is_mode_unknown))
    rule_groups = access.inner_join(rules, ["block_key", "constraint_key", "partition_id"]).select(
        "partition_id", "group_id", "groups"
    )
    met = _groups_held(t).inner_join(rule_groups.distinct(), ["partition_id", "group_id"])
    unmet = pairs.anti_join(met, ["user_id", "partition_id", "groups"])
    return unmet.inner_join(rules, ["partition_id", "groups"]).select("user_id", "block_key")


def _groups_held(t: Tables) -> ir.Table:
    modes = t.ever_enrolled.filter(t.ever_enrolled.mode.notnull())
    group = modes.mode.cases(*MODE_GROUPS.items(), else_=_OTHER_MODE).cast("int64")
    return union(
        t.cohort_members.select("user_id", "partition_id", "group_id"),
        t.experiment_groups.select("user_id", "partition_id", "group_id"),
        modes.select("user_id", partition_id=literal(MODE_PARTITION, "int64"), group_id=group),
    )


def _told_partitions(t: Tables) -> ir.Table:
    """Partitions of which the source says who is in which group."""
    told = union(
        t.cohort_members.select("partition_id"), t.experiment_groups.select("partition_id")
    )
    if t.has("experiment_groups"):
        # An arm can be restricted before anybody was sent to one.
        splits = t.blocks.filter(t.blocks.block_type == "split_test").select("block_key")
        access = t.block_access.select("constraint_key", "partition_id").distinct()
        keys = splits.cross_join(access.select("partition_id").distinct())
        keys = keys.mutate(constraint_key=keys.block_key + "#" + keys.partition_id.cast("string"))
        joined = access.semi_join(keys, ["constraint_key", "partition_id"])
        told = union(told, joined.select("partition_id"))
    return told.filter(told.partition_id.notnull()).distinct()


def _by_draw(t: Tables) -> ir.Table:
    drawable = t.blocks.filter(t.blocks.draw_wrapper_key.notnull()).select(
        "block_key", "draw_wrapper_key", "draw_child_key"
    )
    children = drawable.select("draw_wrapper_key", "draw_child_key").distinct()
    states = t.module_states.filter(t.module_states.selected.notnull())
    drawn = states.select(
        "user_id", draw_wrapper_key="block_key", draw_child_key=states.selected.unnest()
    )
    pairs = t.ever_enrolled.select("user_id").cross_join(children)
    missed = pairs.anti_join(drawn, ["user_id", "draw_wrapper_key", "draw_child_key"])
    return missed.inner_join(drawable, ["draw_wrapper_key", "draw_child_key"]).select(
        "user_id", "block_key"
    )
