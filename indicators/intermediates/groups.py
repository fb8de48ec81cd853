"""Named groups of a course's students: all, cohorts, enrolment tracks, experiment arms."""

from __future__ import annotations

from courselens.plugin import COURSE_GROUP, Parameters, Tables, intermediate, ir, literal

_MEMBERSHIP = {"group_id": "string", "user_id": "int"}


@intermediate(
    name="ever_memberships",
    columns=_MEMBERSHIP,
    needs=("ever_enrolled",),
    uses=("experiment_groups",),
)
def ever_memberships(t: Tables, p: Parameters) -> ir.Table:
    """Who of E is in which group: one row per member; `group_id` is `course` for all of them.

    Others are `cohort:NAME`, `mode:NAME` and `arm:PARTITION:GROUP`; a run that asks for the course
    alone leaves them out.
    """
    everyone = t.ever_enrolled
    if not p.has_groups:
        return everyone.select("user_id", group_id=literal(COURSE_GROUP)).select(*_MEMBERSHIP)
    known = t.experiment_groups.drop_null(["partition_id", "group_id"])
    arms = known.semi_join(everyone, "user_id")
    return (
        everyone.select("user_id", group_id=literal(COURSE_GROUP))
        .union(
            everyone.filter(everyone.cohort.notnull()).select(
                "user_id", group_id=literal("cohort:") + everyone.cohort
            )
        )
        .union(
            everyone.filter(everyone.mode.notnull() & (everyone.mode != "")).select(
                "user_id", group_id=literal("mode:") + everyone.mode
            )
        )
        .union(
            arms.select(
                "user_id",
                group_id=literal("arm:")
                + arms.partition_id.cast("string")
                + ":"
                + arms.group_id.cast("string"),
            )
        )
        .select(*_MEMBERSHIP)
    )


@intermediate(name="memberships", columns=_MEMBERSHIP, needs=("ever_memberships", "population"))
def memberships(t: Tables, p: Parameters) -> ir.Table:
    """Who of L is in which group."""
    return t.ever_memberships.semi_join(t.population, "user_id")


@intermediate(
    name="groups",
    columns={"group_id": "string", "members": "int", "ever_members": "int"},
    needs=("ever_memberships", "memberships"),
)
def groups(t: Tables, p: Parameters) -> ir.Table:
    """Every group with the number of its members in L and in E; the course even without any."""
    ever = t.ever_memberships.group_by("group_id").agg(ever_members=lambda r: r.user_id.count())
    now = t.memberships.group_by("group_id").agg(members=lambda r: r.user_id.count())
    course = literal(COURSE_GROUP).name("group_id").as_table()
    all_groups = ever.select("group_id").union(course, distinct=True)
    joined = all_groups.left_join(ever, "group_id").drop("group_id_right")
    counted = joined.left_join(now, "group_id")
    return counted.select(
        "group_id",
        members=counted.members.fill_null(0),
        ever_members=counted.ever_members.fill_null(0),
    )
