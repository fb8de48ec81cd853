"""How much of the course's videos students have watched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

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
    day_in_window,
    day_rows,
    indicator,
    ir,
    least,
    literal,
    mean,
    merge_ranges,
    null_value,
    percent,
    safe_div,
    total,
    total_float,
    us_of,
)
from indicators.intermediates.hidden_blocks import open_blocks

WEIGHT = Parameter(
    "weight",
    str,
    "none",
    "Whether every video counts the same for the course, or by its length.",
    choices=("none", "duration"),
)
SERIES = Parameter("series", bool, False, "Whether to tell the progress at the end of each day.")


@dataclass(frozen=True, slots=True)
class ProgressOfVideo:
    """One video that the student began; a visible video without a row is at 0."""

    video: Annotated[BlockKey, Key("Video block.")]
    percent: Annotated[float | None, Value("Share of it that was seen.", "percent")]
    total_percent: Annotated[float | None, Value("The same, counting repetitions.", "percent")]


@dataclass(frozen=True, slots=True)
class ProgressByDay:
    """Progress at the end of one day."""

    day: Annotated[date, Key("Day.")]
    percent: Annotated[float | None, Value("Mean share of the videos seen.", "percent")]


@dataclass(frozen=True, slots=True)
class VideoProgress:
    """Progress of one student in the videos visible to them."""

    percent: Annotated[float | None, Value("Mean share of the videos seen.", "percent")]
    total_percent: Annotated[float | None, Value("The same, counting repetitions.", "percent")]
    rows: list[ProgressOfVideo]
    series: list[ProgressByDay]


@dataclass(frozen=True, slots=True)
class MeanProgressOfVideo:
    """One video: mean over the students who can see it, those who never played it included."""

    video: Annotated[BlockKey, Key("Video block.")]
    percent: Annotated[float | None, Value("Mean share of it that was seen.", "percent")]
    total_percent: Annotated[float | None, Value("The same, counting repetitions.", "percent")]


@dataclass(frozen=True, slots=True)
class GroupVideoProgress:
    """Progress of a group by video, and by day where asked for."""

    rows: list[MeanProgressOfVideo]
    series: list[ProgressByDay]


@indicator(
    key="video_progress",
    version=1,
    title="Video progress",
    unit="percent",
    family="video",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("population", "memberships", "groups", "viewings", "video_durations", "blocks"),
    uses=("hidden_blocks",),
    parameters=(WEIGHT, SERIES),
    student=VideoProgress,
    group=GroupVideoProgress,
    takes_window=True,
    privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
)
def video_progress(t: Tables, p: Parameters) -> dict[str, ir.Table]:
    """Share of a video's length that a student saw at least once; repeated parts count in `total`.

    The course's value is the mean over the released videos of known length that are visible to the
    student (weighted by length, if asked), a video never played being at 0; null without any. A
    video of unknown length is null.

    Source: tracking log, video events; published structure; ANALYSE, video consumption.
    """
    watched = _watched(t, p)
    rows = watched.select(
        "user_id",
        "video",
        percent=percent(watched.seen_us, watched.duration_us),
        total_percent=percent(watched.length_us, watched.duration_us),
    )
    sums = watched.filter(watched.duration_us.notnull()).group_by("user_id")
    if p.weight == "duration":
        sums = sums.agg(
            seen=total(watched.seen_us) * 100.0, repeated=total(watched.length_us) * 100.0
        )
    else:
        shares = rows.filter(rows.percent.notnull())
        sums = shares.group_by("user_id").agg(
            seen=total_float(shares.percent), repeated=total_float(shares.total_percent)
        )
    wholes = _wholes(t, p)
    joined = wholes.left_join(sums, "user_id")
    values = joined.select(
        "user_id",
        percent=safe_div(joined.seen.fill_null(0.0), joined.whole),
        total_percent=safe_div(joined.repeated.fill_null(0.0), joined.whole),
    )
    return {"values": values, "rows": rows, "series": _series(t, p)}


@video_progress.for_groups
def of_groups(t: Tables, p: Parameters) -> dict[str, ir.Table]:
    """Mean progress by video, and by day, of the members who can see it."""
    videos = _open_videos(t, p)
    watched = _watched(t, p).inner_join(t.memberships, "user_id")
    sums = watched.group_by("group_id", "video").agg(
        seen_us=total(watched.seen_us), length_us=total(watched.length_us)
    )
    barred = t.hidden_blocks.inner_join(t.memberships, "user_id")
    barred = barred.group_by("group_id", video="block_key").agg(barred=barred.user_id.count())
    cells = t.groups.select("group_id", "members").cross_join(videos)
    cells = cells.left_join(sums, ["group_id", "video"]).drop("group_id_right", "video_right")
    cells = cells.left_join(barred, ["group_id", "video"])
    whole = cells.duration_us * (cells.members - cells.barred.fill_null(0))
    rows = cells.select(
        "group_id",
        "video",
        percent=percent(cells.seen_us.fill_null(0), whole),
        total_percent=percent(cells.length_us.fill_null(0), whole),
    )
    days = _series(t, p).inner_join(t.memberships, "user_id")
    series = days.group_by("group_id", "day").agg(percent=mean(days.percent))
    return {"rows": rows, "series": series}


def _open_videos(t: Tables, p: Parameters) -> ir.Table:
    """Released videos: (video, duration_us), null where the length is unknown."""
    blocks = open_blocks(t.blocks, p)
    videos = blocks.filter(blocks.block_type == "video").select(video="block_key")
    joined = videos.left_join(t.video_durations, "video")
    return joined.select("video", duration_us=us_of(joined.duration_seconds))


def _visible_viewings(t: Tables, p: Parameters) -> ir.Table:
    """Viewings by members of L of released videos visible to them, in microseconds of the video."""
    chosen = t.viewings.semi_join(t.population, "user_id").select(
        "user_id",
        "video",
        "start_us",
        low=us_of(t.viewings.from_seconds),
        high=us_of(t.viewings.to_seconds),
    )
    hidden = t.hidden_blocks.select("user_id", video="block_key")
    visible = chosen.anti_join(hidden, ["user_id", "video"])
    return visible.inner_join(_open_videos(t, p), "video")


def _watched(t: Tables, p: Parameters) -> ir.Table:
    """Seen and repeated microseconds of every learner and video with a viewing."""
    viewings = _visible_viewings(t, p)
    repeated = viewings.group_by("user_id", "video", "duration_us").agg(
        length_us=total(viewings.high - viewings.low)
    )
    seen = _seen(viewings, "user_id", "video")
    joined = repeated.inner_join(seen, ["user_id", "video"])
    return joined.mutate(seen_us=least(joined.seen_us, joined.duration_us.coalesce(joined.seen_us)))


def _seen(viewings: ir.Table, *by: str) -> ir.Table:
    pieces = merge_ranges(viewings, *by, start="low", end="high")
    return pieces.group_by(*by).agg(seen_us=total(pieces.high - pieces.low))


def _wholes(t: Tables, p: Parameters) -> ir.Table:
    """What a learner's shares are divided by: visible videos, or their microseconds."""
    known = _open_videos(t, p).filter(lambda videos: videos.duration_us.notnull())
    size = known.duration_us if p.weight == "duration" else literal(1, "int64")
    known = known.select("video", size=size)
    hidden = t.hidden_blocks.select("user_id", video="block_key").inner_join(known, "video")
    barred = hidden.group_by("user_id").agg(barred=total(hidden.size))
    everyone = t.population.select("user_id").cross_join(known.agg(all_videos=total(known.size)))
    joined = everyone.left_join(barred, "user_id")
    return joined.select("user_id", whole=joined.all_videos - joined.barred.fill_null(0))


def _series(t: Tables, p: Parameters) -> ir.Table:
    """Progress of every learner at the end of every day of the window, if asked for."""
    if not p.series:
        nobody = t.population.filter(literal(False))
        return nobody.select("user_id", day=literal(0), percent=null_value("float64"))
    gained = _gained(t, p)
    wholes = _wholes(t, p)
    cells = wholes.cross_join(day_rows(p).select("day"))
    joined = cells.left_join(gained, ["user_id", "day"])
    joined = joined.select("user_id", "day", "whole", gained=joined.gained.fill_null(0.0))
    so_far = joined.gained.cumsum(group_by=[joined.user_id], order_by=[joined.day])
    return joined.select("user_id", "day", percent=safe_div(so_far, joined.whole))


def _gained(t: Tables, p: Parameters) -> ir.Table:
    """What a learner saw for the first time on each day, in percent of videos or of length."""
    viewings = _visible_viewings(t, p)
    viewings = viewings.filter(viewings.duration_us.notnull())
    viewings = viewings.mutate(day=day_in_window(viewings.start_us, p))
    days = viewings.select("user_id", "video", "duration_us", until="day").distinct()
    until = days.inner_join(
        viewings.select("user_id", "video", "day", "low", "high"), ["user_id", "video"]
    )
    until = until.filter(until.day <= until.until)
    seen = _seen(until, "user_id", "video", "duration_us", "until")
    before = seen.seen_us.lag().over(group_by=[seen.user_id, seen.video], order_by=[seen.until])
    new_us = seen.seen_us - before.fill_null(0)
    size = literal(1) if p.weight == "duration" else seen.duration_us
    gains = seen.select("user_id", day="until", share=percent(new_us, size))
    return gains.group_by("user_id", "day").agg(gained=total_float(gains.share))
