"""Attempts at each problem, and how they went."""

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
    indicator,
    ir,
    row_number,
    safe_div,
    total,
)
from indicators.intermediates.locations import names_block


@dataclass(frozen=True, slots=True)
class AttemptsAtProblem:
    """A problem that the student submitted at least once."""

    problem: Annotated[BlockKey, Key("Problem block.")]
    submissions: Annotated[int, Value("Checked answers.", "count")]
    first_try_correct: Annotated[bool, Value("Whether the first answer was correct.")]
    correct: Annotated[bool, Value("Whether the last answer was correct.")]
    showed_answer: Annotated[bool, Value("Whether the answer was shown before a correct one.")]


@dataclass(frozen=True, slots=True)
class ProblemAttempts:
    """Attempts of one student."""

    rows: list[AttemptsAtProblem]


@dataclass(frozen=True, slots=True)
class GroupAttemptsAtProblem:
    """A problem that somebody submitted; rates are shares of those who did."""

    problem: Annotated[BlockKey, Key("Problem block.")]
    attempted: Annotated[int, Value("Students with at least one checked answer.")]
    submissions: Annotated[int, Value("Checked answers.", "count")]
    mean_submissions: Annotated[float, Value("Mean of checked answers.", "count")]
    median_submissions: Annotated[float, Value("Median of checked answers.", "count")]
    first_try_correct_rate: Annotated[float, Value("First answer correct.", "rate")]
    final_correct_rate: Annotated[float, Value("Last answer correct.", "rate")]
    show_answer_rate: Annotated[float, Value("Answer shown before a correct one.", "rate")]


@dataclass(frozen=True, slots=True)
class GroupProblemAttempts:
    """Attempts of a group."""

    rows: list[GroupAttemptsAtProblem]


@indicator(
    key="problem_attempts",
    version=1,
    title="Attempts at problems",
    unit="submissions",
    family="problems",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("population", "memberships", "checks", "events"),
    uses=("blocks",),
    student=ProblemAttempts,
    group=GroupProblemAttempts,
    takes_window=True,
    privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
)
def problem_attempts(t: Tables, p: Parameters) -> ir.Table:
    """Count a student's checked answers to each problem, and judge the first and the last one.

    Only the server's `problem_check` counts; saves, failed checks and the browser's copy do not.
    An answer shown after the first correct submission does not count as help. Problems that are no
    longer in the structure have no row.

    Source: tracking log, problem_check and showanswer; edX Insights, Aspects.
    """
    return _attempts(t, p)


@problem_attempts.for_groups
def of_groups(t: Tables, p: Parameters) -> ir.Table:
    """Roll the students' rows up to problems."""
    rows = _attempts(t, p).inner_join(t.memberships, "user_id")
    counted = rows.group_by("group_id", "problem").agg(
        attempted=rows.count(),
        submissions=total(rows.submissions),
        median_submissions=rows.submissions.cast("float64").median(),
        at_first=total(rows.first_try_correct.cast("int64")),
        at_last=total(rows.correct.cast("int64")),
        shown=total(rows.showed_answer.cast("int64")),
    )
    return counted.select(
        "group_id",
        "problem",
        "attempted",
        "submissions",
        "median_submissions",
        mean_submissions=safe_div(counted.submissions, counted.attempted),
        first_try_correct_rate=safe_div(counted.at_first, counted.attempted),
        final_correct_rate=safe_div(counted.at_last, counted.attempted),
        show_answer_rate=safe_div(counted.shown, counted.attempted),
    )


def _attempts(t: Tables, p: Parameters) -> ir.Table:
    tries = t.checks.semi_join(t.population, "user_id")
    if t.has("blocks"):
        tries = tries.semi_join(t.blocks.select(problem="block_key"), "problem")
    rows = tries.group_by("user_id", "problem").agg(
        submissions=tries.count(),
        first_try_correct=tries.is_correct.argmin(tries.number),
        correct=tries.is_correct.argmax(tries.number),
        solved_us=tries.ts_us.argmin(tries.number, where=tries.is_correct),
        solved_id=tries.event_id.argmin(tries.number, where=tries.is_correct),
    )
    shown = _first_shown(t.events, p)
    joined = rows.left_join(shown, ["user_id", "problem"])
    is_help = joined.solved_us.isnull() | (joined.shown_us < joined.solved_us)
    is_help |= (joined.shown_us == joined.solved_us) & (joined.shown_id < joined.solved_id)
    return joined.select(
        "user_id",
        "problem",
        "submissions",
        "first_try_correct",
        "correct",
        showed_answer=(joined.shown_us.notnull() & is_help).fill_null(False),
    )


def _first_shown(events: ir.Table, p: Parameters) -> ir.Table:
    """First time in the window that a learner had the answer to a problem shown."""
    is_in_window = (events.ts_us >= p.window.start_us) & (events.ts_us < p.window.end_us)
    shown = events.filter((events.event_type == "showanswer") & is_in_window & names_block(events))
    shown = shown.select("user_id", "ts_us", "event_id", problem="location")
    placed = shown.mutate(
        place=row_number(shown, "user_id", "problem", order_by=[shown.ts_us, shown.event_id])
    )
    return placed.filter(placed.place == 0).select(
        "user_id", "problem", shown_us="ts_us", shown_id="event_id"
    )
