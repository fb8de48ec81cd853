"""Lengths of videos (catalogue 3.5)."""

from __future__ import annotations

from courselens.plugin import Parameters, Tables, ifelse, intermediate, ir, null_value
from indicators.intermediates.viewings import video_events, viewings_of_insights


@intermediate(
    name="video_durations",
    columns={"video": "string", "duration_seconds": "float"},
    uses=("blocks", "events"),
)
def video_durations(t: Tables, p: Parameters) -> ir.Table:
    """One row per video of the structure or of an event, with its length, null if unknown.

    Its own `duration` if above 0, else the largest that players reported. Under Insights'
    definition: of the videos viewed in the window, the largest that their viewings report, null if
    one of them reports none.
    """
    if p.is_insights:
        return _of_viewings(t, p)
    events = video_events(t.events)
    reported = events.group_by("video").agg(
        reported_seconds=events.duration_seconds.max(where=events.duration_seconds > 0)
    )
    blocks = t.blocks.filter(t.blocks.block_type == "video")
    own = blocks.select(
        video="block_key",
        own_seconds=ifelse(
            blocks.duration_seconds > 0, blocks.duration_seconds, null_value("float64")
        ),
    )
    joined = own.outer_join(reported, "video")
    return joined.select(
        video=joined.video.coalesce(joined.video_right),
        duration_seconds=joined.own_seconds.coalesce(joined.reported_seconds),
    )


def _of_viewings(t: Tables, p: Parameters) -> ir.Table:
    rows = viewings_of_insights(t.events)
    rows = rows.filter((rows.start_us >= p.window.start_us) & (rows.start_us < p.window.end_us))
    lengths = rows.group_by("video").agg(
        greatest=rows.duration_seconds.max(),
        is_known=rows.duration_seconds.count() == rows.count(),
    )
    return lengths.select(
        "video",
        duration_seconds=ifelse(lengths.is_known, lengths.greatest, null_value("float64")),
    )
