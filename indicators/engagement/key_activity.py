"""Key activity of learners (catalogue 3.3), and the ranges of its metrics (3.13)."""

from __future__ import annotations

from courselens.plugin import ir, literal, null_value, row_number, union
from indicators.intermediates.locations import names_block

METRICS = ("problems_tried", "problems_correct", "videos_played", "contributions")
ATTEMPTS_PER_CORRECT = "attempts_per_problem_correct"

LOW_PERCENT, HIGH_PERCENT = 15, 85

_POSTED = (
    "edx.forum.thread.created",
    "edx.forum.response.created",
    "edx.forum.comment.created",
)


def key_activity(events: ir.Table, *, start_us: int, end_us: int) -> ir.Table:
    """What learners did from `start_us` until before `end_us`.

    Returns:
        user_id, attempts and the columns `METRICS`: one row per learner with a submission, a video
        played or a forum contribution.
    """
    chosen = events.filter((events.ts_us >= start_us) & (events.ts_us < end_us))
    is_named = names_block(chosen)
    is_check = (chosen.event_type == "problem_check") & (chosen.source == "server") & is_named
    is_play = (chosen.event_type == "play_video") & is_named
    is_post = chosen.event_type.isin(_POSTED)
    kept = chosen.filter(is_check | is_play | is_post)
    is_check = kept.event_type == "problem_check"
    is_correct = is_check & (kept.success == "correct").fill_null(False)
    return kept.group_by("user_id").agg(
        attempts=kept.count(where=is_check),
        problems_tried=kept.location.nunique(where=is_check),
        problems_correct=kept.location.nunique(where=is_correct),
        videos_played=kept.location.nunique(where=kept.event_type == "play_video"),
        contributions=kept.count(where=kept.event_type.isin(_POSTED)),
    )


def metric_values(activity: ir.Table) -> ir.Table:
    """Key activity as (user_id, metric, value, is_infinite), one row per learner and metric.

    Attempts without a correct problem are infinitely many per correct one: `is_infinite` says so,
    because engines differ on infinite numbers. Without attempts there is no such row.
    """
    counts = [
        activity.select(
            "user_id",
            metric=literal(name),
            value=activity[name].cast("float64"),
            is_infinite=literal(False),
        )
        for name in METRICS
    ]
    tried = activity.filter(activity.attempts > 0)
    never = tried.problems_correct == 0
    ratio = tried.select(
        "user_id",
        metric=literal(ATTEMPTS_PER_CORRECT),
        value=never.ifelse(
            null_value("float64"),
            tried.attempts.cast("float64") / tried.problems_correct.cast("float64").nullif(0.0),
        ),
        is_infinite=never,
    )
    return union(*counts, ratio)


def metric_ranges(values: ir.Table) -> ir.Table:
    """The percentiles that part low, normal and high values of every metric.

    Linear interpolation (type 7). Towards infinity it gives infinity, but at fraction 0 the lower
    value stays.

    Returns:
        metric, low, low_is_infinite, high, high_is_infinite; `low` and `high` are null if infinite.
    """
    placed = values.mutate(
        place=row_number(
            values, "metric", order_by=[values.is_infinite, values.value, values.user_id]
        ),
        last=values.count().over(group_by=[values.metric]) - 1,
    )
    ends: dict[str, ir.Value] = {}
    for name, share in (("low", LOW_PERCENT), ("high", HIGH_PERCENT)):
        lower = placed["last"] * share // 100
        ends |= {
            f"{name}_part": (placed["last"] * share % 100).max(),
            f"{name}_below": placed.value.max(where=placed.place == lower),
            f"{name}_above": placed.value.max(where=placed.place == lower + 1),
        }
    found = placed.group_by("metric").agg(**ends)
    return found.select(
        "metric",
        **{
            column: expression
            for name in ("low", "high")
            for column, expression in _interpolate(found, name).items()
        },
    )


def is_high(values: ir.Table) -> ir.BooleanValue:
    """Whether values joined with the ranges of their metric are high ones.

    Nobody is where both percentiles are equal. Infinity reaches an infinite percentile.
    """
    is_flat = (values.low_is_infinite & values.high_is_infinite) | (
        values.low == values.high
    ).fill_null(False)
    reaches = values.is_infinite | (values.value >= values.high).fill_null(False)
    return ~is_flat & reaches


def _interpolate(found: ir.Table, name: str) -> dict[str, ir.Value]:
    """A percentile between two neighbours, of which null ones are infinite."""
    part, below = found[f"{name}_part"], found[f"{name}_below"]
    above = (part == 0).ifelse(below, found[f"{name}_above"])
    value = below + (above - below) * part / 100
    return {name: value, f"{name}_is_infinite": value.isnull()}
