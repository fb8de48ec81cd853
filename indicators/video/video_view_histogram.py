"""How many students watched each part of a video, and how often."""

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
    greatest,
    ifelse,
    indicator,
    ir,
    literal,
    merge_ranges,
    numbers_between,
    to_seconds,
    total,
    us_of,
)

BIN = Parameter("bin_s", int, 5, "Width of the bins of a video in seconds.", minimum=1, maximum=60)


@dataclass(frozen=True, slots=True)
class VideoBin:
    """One part of a video that was watched; parts without a row were not."""

    video: Annotated[BlockKey, Key("Video block.")]
    start_seconds: Annotated[int, Key("Where the part starts.")]
    users: Annotated[int, Value("Students who watched any of it.")]
    views: Annotated[int, Value("Times any of it was watched.", "count")]
    replays: Annotated[int, Value("Views beyond the first of each student.", "count")]


@dataclass(frozen=True, slots=True)
class WatchedVideo:
    """A video that somebody watched, as a whole."""

    video: Annotated[BlockKey, Key("Video block.")]
    duration_seconds: Annotated[float | None, Value("Its length, null if unknown.", "seconds")]
    users_at_start: Annotated[int, Value("Students who watched any of its first part.")]
    users_at_end: Annotated[int, Value("Students who watched the part that holds its end.")]
    total_viewed_seconds: Annotated[float, Value("Length of all viewings together.", "seconds")]


@dataclass(frozen=True, slots=True)
class VideoViewHistogram:
    """Views by part of a video, and by video."""

    rows: list[VideoBin]
    videos: list[WatchedVideo]


@indicator(
    key="video_view_histogram",
    version=1,
    title="Views per 5 seconds of a video",
    unit="learners",
    family="video",
    levels=(Level.COURSE, Level.GROUP),
    needs=("memberships", "viewings", "video_durations"),
    uses=("blocks",),
    parameters=(BIN,),
    definitions=("courselens", "insights"),
    group=VideoViewHistogram,
    takes_window=True,
    privacy=(Privacy.STAFF, Privacy.AGG),
)
def video_view_histogram(t: Tables, p: Parameters) -> dict[str, ir.Table]:
    """Count students and viewings of every part of `bin_s` seconds that a viewing overlaps.

    The end of a video is the part that holds max(length - 30, 0.95 * length), since credits are
    rarely watched; with an unknown length, the last part before the students fall to 5 % or less.
    Insights counts the part of a viewing's last second even if the viewing ends where it begins,
    cuts what lies past the end, guesses unknown lengths, and sums whole seconds and parts.

    Source: tracking log, video events; edX Insights, video engagement.
    """
    viewings = t.viewings.semi_join(t.memberships, "user_id")
    if t.has("blocks") and not p.is_insights:
        videos = t.blocks.filter(t.blocks.block_type == "video").select(video="block_key")
        viewings = viewings.semi_join(videos, "video")
    bins = _count_bins(viewings, t.memberships, p)
    ends = _find_ends(bins, t.video_durations, p)
    placed = bins.inner_join(ends, ["group_id", "video"])
    if p.is_insights:
        placed = placed.filter(~(placed.reaches_last & (placed.bin > placed.last_bin)))
    rows = placed.select(
        "group_id",
        "video",
        "users",
        "views",
        start_seconds=placed.bin * p.bin_s,
        replays=placed.views - placed.users,
    )
    watched = placed.group_by("group_id", "video", "duration_seconds").agg(
        users_at_start=total(placed.users * (placed.bin == 0).cast("int64")),
        users_at_end=total(placed.users * (placed.bin == placed.end_bin).cast("int64")),
        viewed_seconds=total(placed.views) * p.bin_s,
    )
    if p.is_insights:
        return {"rows": rows, "videos": watched.rename(total_viewed_seconds="viewed_seconds")}
    lengths = viewings.group_by("user_id", "video").agg(
        length_us=total(us_of(viewings.to_seconds) - us_of(viewings.from_seconds))
    )
    members = lengths.inner_join(t.memberships, "user_id")
    sums = members.group_by("group_id", "video").agg(length_us=total(members.length_us))
    joined = watched.drop("viewed_seconds").inner_join(sums, ["group_id", "video"])
    timed = joined.mutate(total_viewed_seconds=to_seconds(joined.length_us)).drop("length_us")
    return {"rows": rows, "videos": timed}


def _count_bins(viewings: ir.Table, memberships: ir.Table, p: Parameters) -> ir.Table:
    """Users and views by group, video and bin, for bins with a view.

    Only the borders of viewings are grouped, never every bin of every viewing: a view adds one at
    its first bin and takes it away after its last.
    """
    first = viewings.from_seconds.floor().cast("int64") // p.bin_s
    if p.is_insights:
        after = viewings.to_seconds.floor().cast("int64") // p.bin_s + 1
    else:
        after = (viewings.to_seconds.ceil().cast("int64") + (p.bin_s - 1)) // p.bin_s
    ranges = viewings.select("user_id", "video", first=first, after=after)
    seen = merge_ranges(ranges, "user_id", "video", start="first", end="after")
    borders = (
        _borders(ranges, "first", users=0, views=1)
        .union(_borders(ranges, "after", users=0, views=-1))
        .union(_borders(seen, "first", users=1, views=0))
        .union(_borders(seen, "after", users=-1, views=0))
    )
    per_user = borders.group_by("user_id", "video", "bin").agg(
        users=total(borders.users), views=total(borders.views)
    )
    joined = per_user.inner_join(memberships, "user_id")
    steps = joined.group_by("group_id", "video", "bin").agg(
        users=total(joined.users), views=total(joined.views)
    )
    by = {"group_by": [steps.group_id, steps.video], "order_by": [steps.bin]}
    levels = steps.mutate(
        users=steps.users.cumsum(**by).cast("int64"),
        views=steps.views.cumsum(**by).cast("int64"),
        next_bin=steps.bin.lead().over(**by),
    )
    watched = levels.filter(levels.views > 0)
    return watched.select(
        "group_id",
        "video",
        "users",
        "views",
        bin=numbers_between(watched.bin, watched.next_bin).unnest(),
    )


def _borders(ranges: ir.Table, border: str, *, users: int, views: int) -> ir.Table:
    return ranges.select(
        "user_id",
        "video",
        bin=ranges[border],
        users=literal(users, "int64"),
        views=literal(views, "int64"),
    )


def _find_ends(bins: ir.Table, durations: ir.Table, p: Parameters) -> ir.Table:
    """Length, last bin and the bin that counts as the end, by group and video.

    `reaches_last` tells whether the last bin was watched.
    """
    order = {"group_by": [bins.group_id, bins.video], "order_by": [bins.bin]}
    followed = bins.mutate(next_users=bins.users.lead().over(**order))
    falls = (followed.next_users * 20 <= followed.users).fill_null(False)
    guesses = followed.group_by("group_id", "video").agg(
        guess=followed.bin.max(where=falls).coalesce(followed.bin.max())
    )
    joined = guesses.left_join(durations, "video")
    known = joined.duration_seconds
    if p.is_insights:
        guessed = (p.bin_s * (joined.guess + 1) - 1).cast("float64")
        known = known.coalesce(guessed)
    last = ifelse(
        joined.duration_seconds.isnull(),
        joined.guess,
        joined.duration_seconds.floor().cast("int64") // p.bin_s,
    )
    point = greatest(known - 30.0, known * 0.95)
    ends = joined.select(
        "group_id",
        "video",
        duration_seconds=known.floor().cast("float64") if p.is_insights else known,
        last_bin=last,
        end_bin=(point.floor().cast("int64") // p.bin_s).coalesce(joined.guess),
    )
    reached = bins.inner_join(ends, ["group_id", "video"])
    reached = reached.filter(reached.bin == reached.last_bin).select("group_id", "video", "bin")
    flagged = ends.left_join(reached, ["group_id", "video"])
    return flagged.select(
        "group_id", "video", "duration_seconds", "last_bin", "end_bin",
        reaches_last=flagged.bin.notnull(),
    )  # fmt: skip
