"""Scores: what learners earned in subsections and in scored blocks (catalogue 1.8)."""

from __future__ import annotations

from courselens.plugin import (
    MissingSource,
    Parameters,
    Tables,
    cases,
    coalesce,
    greatest,
    ifelse,
    intermediate,
    ir,
    least,
    literal,
    null_value,
    safe_div,
    total,
    union,
)
from indicators.intermediates.hidden_blocks import open_blocks, visible_to
from indicators.intermediates.points import (
    NANO,
    SCORED_ELSEWHERE,
    block_points,
    commonest,
    graded_subsections,
    nano,
    subsection_points,
)

SUBSECTION, BLOCK = "subsection", "block"

_COLUMNS = {
    "user_id": "int",
    "kind": "string",
    "block_key": "string",
    "earned": "float",
    "possible": "float",
    "attempted": "bool",
    "overridden": "bool",
    "first_us": "int",
    "last_us": "int",
}


@intermediate(
    name="scores",
    columns=_COLUMNS,
    needs=("ever_enrolled",),
    uses=("blocks", "subsection_grades", "module_states", "events", "hidden_blocks"),
)
def scores(t: Tables, p: Parameters) -> ir.Table:
    """Points of the members of E; `kind` is subsection or block.

    Subsections: a row per learner and graded sequential of the structure, whether attempted,
    visible, released or not (readers choose). `earned` and `possible` are the graded points of the
    persistent grade, overrides applied. Without one a learner has 0 of the points of the visible
    and released scored blocks; of a subsection where these are not all known, of what is usual
    among the others. Where the whole course has no persistent grades, they are added up from module
    states. Without a structure: a row per persistent grade with graded points.

    Blocks: a row per learner and scored block with a state or, for a problem, a valid check.
    `earned` is null unless attempted; `attempted` is null where scores are kept elsewhere (open
    response assessments).

    `first_us` and `last_us` are the first attempt and the last submission (of a subsection: the
    last change), null if unknown.

    Raises:
        MissingSource: there are neither persistent grades nor module states with a structure.

    Source: grades_persistentsubsectiongrade and its override table, courseware_studentmodule,
    tracking log problem_check.
    """
    if not t.has("blocks"):
        if not t.has("subsection_grades"):
            raise MissingSource("subsection_grades")
        return _grades(t).filter(lambda r: r.possible > 0).select(*_COLUMNS)
    if not (t.has("subsection_grades") or t.has("module_states")):
        raise MissingSource("subsection_grades", "module_states")
    states = _block_states(t)
    subsections = _subsections(t, p, states)
    blocks = states.mutate(
        kind=literal(BLOCK),
        earned=ifelse(states.attempted, states.earned_nano / NANO, null_value("float64")),
        possible=states.possible_nano / NANO,
        overridden=literal(False),
    )
    return union(subsections.select(*_COLUMNS), blocks.select(*_COLUMNS))


def ratio_of(rows: ir.Table) -> ir.FloatingValue:
    """Share `p` of the possible points: 0 if not attempted, null if there are no points to earn."""
    return cases(
        ((rows.possible == 0).fill_null(False), null_value("float64")),
        (~rows.attempted, literal(0.0)),
        else_=safe_div(rows.earned, rows.possible),
    )


def _grades(t: Tables) -> ir.Table:
    grades = t.subsection_grades.semi_join(t.ever_enrolled, "user_id")
    overridden = grades.overridden.fill_null(False)
    return grades.select(
        "user_id",
        "block_key",
        kind=literal(SUBSECTION),
        earned=grades.earned_graded,
        possible=grades.possible_graded,
        attempted=grades.first_attempted_us.notnull() | overridden,
        overridden=overridden,
        first_us=grades.first_attempted_us,
        last_us=grades.modified_us,
    )


def _subsections(t: Tables, p: Parameters, states: ir.Table) -> ir.Table:
    pairs = t.ever_enrolled.select("user_id").cross_join(
        graded_subsections(t.blocks).select("block_key")
    )
    grades = _grades(t)
    usual = commonest(grades.select("block_key", value="possible")).rename(usual="value")
    points = block_points(t)
    worth = subsection_points(open_blocks(points, p))
    unseen = _unseen(t, p, points)
    summed = _summed(t, p, states)
    count = grades.agg(grade_rows=grades.count())
    joined = (
        pairs.left_join(grades.drop("kind"), ["user_id", "block_key"])
        .drop("user_id_right", "block_key_right")
        .left_join(usual, "block_key")
        .drop("block_key_right")
        .left_join(worth, "block_key")
        .drop("block_key_right")
        .left_join(unseen, ["user_id", "block_key"])
        .drop("user_id_right", "block_key_right")
        .left_join(summed, ["user_id", "block_key"])
        .drop("user_id_right", "block_key_right")
        .cross_join(count)
    )
    seen_nano = (
        joined.worth_nano.fill_null(0)
        - joined.unseen_nano.fill_null(0)
        + joined.own_nano.fill_null(0)
    )
    is_known = (joined.unknown_blocks == 0) & (seen_nano > 0)
    known = ifelse(is_known, seen_nano / NANO, null_value("float64"))
    by_states = joined.grade_rows == 0
    return joined.select(
        "user_id",
        "block_key",
        kind=literal(SUBSECTION),
        earned=coalesce(
            joined.earned,
            ifelse(by_states, joined.summed_nano / NANO, null_value("float64")),
            literal(0.0),
        ),
        possible=coalesce(joined.possible, known, joined.usual, seen_nano / NANO),
        attempted=coalesce(
            joined.attempted, by_states & joined.any_attempted.fill_null(False), literal(False)
        ),
        overridden=joined.overridden.fill_null(False),
        first_us=ifelse(by_states, joined.states_first_us, joined.first_us),
        last_us=ifelse(by_states, joined.states_last_us, joined.last_us),
    )


def _unseen(t: Tables, p: Parameters, points: ir.Table) -> ir.Table:
    """Points of the blocks of a subsection that a learner cannot see."""
    hidden = t.hidden_blocks.inner_join(open_blocks(points, p), "block_key")
    summed = hidden.group_by("user_id", "sequential_key").agg(unseen_nano=total(hidden.points_nano))
    return summed.rename(block_key="sequential_key")


def _summed(t: Tables, p: Parameters, states: ir.Table) -> ir.Table:
    """What module states of open, visible blocks add up to in each subsection."""
    visible = visible_to(states.semi_join(open_blocks(t.blocks, p), "block_key"), t.hidden_blocks)
    summed = visible.group_by("user_id", "sequential_key").agg(
        summed_nano=total(visible.earned_nano),
        own_nano=total(visible.possible_nano - visible.points_nano),
        any_attempted=visible.attempted.any(),
        states_first_us=visible.first_us.min(),
        states_last_us=visible.last_us.max(),
    )
    return summed.rename(block_key="sequential_key")


def _block_states(t: Tables) -> ir.Table:
    """A row per learner and scored block with a state or a check."""
    points = block_points(t).select(
        "block_key", "block_type", "sequential_key", "weight", "points_nano"
    )
    joined = _states_and_checks(t).inner_join(points, "block_key")
    is_problem = joined.block_type == "problem"
    is_elsewhere = joined.block_type == SCORED_ELSEWHERE
    has_tried = (joined.attempts >= 1).fill_null(False) | joined.done.fill_null(False)
    own_nano = nano(coalesce(joined.weight, joined.max_grade))
    possible_nano = ifelse(
        is_elsewhere, null_value("int64"), coalesce(own_nano, joined.points_nano)
    )
    first = ifelse(
        (joined.attempts == 1).fill_null(False), joined.last_submission_us, null_value("int64")
    )
    return joined.select(
        "user_id",
        "block_key",
        "sequential_key",
        "points_nano",
        possible_nano=possible_nano,
        earned_nano=nano(safe_div(joined.grade * (possible_nano / NANO), joined.max_grade)),
        attempted=cases(
            (is_problem, has_tried | joined.first_check_us.notnull()),
            (is_elsewhere, null_value("boolean")),
            else_=joined.grade.notnull(),
        ),
        first_us=_earlier(joined.first_check_us, first),
        last_us=_later(joined.last_check_us, joined.last_submission_us),
    )


def _states_and_checks(t: Tables) -> ir.Table:
    keys = ["user_id", "block_key"]
    facts = ["grade", "max_grade", "attempts", "done", "last_submission_us"]
    checks = _checks(t)
    states = t.module_states.semi_join(t.ever_enrolled, "user_id").select(*keys, *facts)
    both = states.left_join(checks, keys).drop("user_id_right", "block_key_right")
    nothing = {name: null_value(states[name].type()) for name in facts}
    return union(both, checks.anti_join(states, keys).mutate(**nothing).select(both.columns))


def _checks(t: Tables) -> ir.Table:
    checks = t.events.filter(
        (t.events.event_type == "problem_check") & (t.events.source == "server")
    ).semi_join(t.ever_enrolled, "user_id")
    return checks.group_by("user_id", block_key=checks.location).agg(
        first_check_us=checks.ts_us.min(), last_check_us=checks.ts_us.max()
    )


def _earlier(one: ir.IntegerValue, other: ir.IntegerValue) -> ir.IntegerValue:
    return least(one.fill_null(other), other.fill_null(one))


def _later(one: ir.IntegerValue, other: ir.IntegerValue) -> ir.IntegerValue:
    return greatest(one.fill_null(other), other.fill_null(one))
