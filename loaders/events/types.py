"""Event types: canonical names, families, and which payload field names the block or the learner.

Source: catalogue 1.3, 1.4 and the data codes at the end of its section 1; the tracking log
chapter of the Research Guide.
"""

from __future__ import annotations

from dataclasses import dataclass

PAGES: dict[str, str] = {
    "progress": "_progress_",
    "discussion": "_forum_",
    "discussions": "_forum_",
    "wiki": "_wiki_",
    "course_wiki": "_wiki_",
    "pdfbook": "_textbook_",
    "book": "_textbook_",
    "htmlbook": "_textbook_",
    "dates": "_dates_",
    "info": "_info_",
    "course": "_info_",
    "home": "_info_",
    "outline": "_info_",
}
"""First path segment after the course key, and the pseudo-block it is (catalogue 1.16 d)."""

OTHER_SEGMENTS = (
    "about",
    "instructor",
    "instructor_dashboard",
    "jump_to",
    "jump_to_id",
    "xblock",
    "xqueue",
    "submission_history",
    "notes",
    "edxnotes",
    "bookmarks",
    "teams",
    "certificates",
    "lti",
)
"""Further segments kept in the name of a request; any other becomes `other`: paths hold names."""

TEAM_PREFIXES = (
    *("list-", "dump-", "rescore-", "reset-", "add-", "remove-", "delete-", "get-"),
    "edx.instructor.report.",
    "edx.bi.",
)
"""Beginnings of the names that instructor dashboards and marketing log."""

FAMILIES = ("nav", "video", "prob", "hint", "ora", "forum", "text", "enr", "split", "other")
ACTIVITIES = ("video", "problem", "forum", "text", "other")
"""Families of event types, and activity types (catalogue 1.20, 3.2)."""


@dataclass(frozen=True, slots=True)
class EventType:
    """What is known of a type name: its canonical name, family, and the kind of its payload.

    Kinds: `video` (its `id` is a block; speeds), `block` (its `id` is a block), `move` (its `id` is
    a sequence, with a tab to go to), `attempt` (success), `rescore` (success of the learner it
    names), `enrolment` (mode of the learner it names), `learner` (the learner is in the payload,
    not in the envelope), `forum` (its `id` is a forum object), `split` (group or child).
    """

    canonical: str
    family: str = "other"
    payload: str | None = None


_VIDEO = ("load_video", "play_video", "pause_video", "seek_video", "stop_video")
_VIDEO_ALIASES = {
    "edx.video.loaded": "load_video",
    "edx.video.played": "play_video",
    "edx.video.paused": "pause_video",
    "edx.video.stopped": "stop_video",
    "edx.video.position.changed": "seek_video",
    "edx.video.seeked": "seek_video",
}
_MOVES = {
    "edx.ui.lms.sequence.next_selected": "seq_next",
    "edx.ui.lms.sequence.previous_selected": "seq_prev",
    "edx.ui.lms.sequence.tab_selected": "seq_goto",
}
_VIDEO_OTHER = (
    "complete_video",
    "skip_video",
    "do_not_show_again_video",
    "auto_advance_change_video",
    "show_transcript",
    "hide_transcript",
    "video_show_cc_menu",
    "video_hide_cc_menu",
    "edx.video.transcript.shown",
    "edx.video.transcript.hidden",
    "edx.video.language_menu.shown",
    "edx.video.language_menu.hidden",
    "edx.video.closed_captions.shown",
    "edx.video.closed_captions.hidden",
)
_FAMILIES = {
    "nav": (
        "edx.ui.lms.jump_nav.selected",
        "edx.ui.lms.outline.selected",
        "edx.ui.lms.link_clicked",
        "page_close",
    ),
    "prob": ("problem_check", "problem_show", "showanswer", "reset_problem"),
    "hint": ("edx.problem.hint.demandhint_displayed",),
    "forum": (
        "edx.forum.thread.created",
        "edx.forum.response.created",
        "edx.forum.comment.created",
        "edx.forum.thread.viewed",
        "edx.forum.thread.voted",
        "edx.forum.response.voted",
        "edx.forum.comment.voted",
    ),
    "text": ("book",),
    "split": (
        "xmodule.partitions.assigned_user_to_partition",
        "xblock.split_test.child_render",
    ),
}
_PAYLOADS = {"prob": "attempt", "forum": "forum", "split": "split"}

FAMILY_PREFIXES = {"openassessmentblock.": "ora", "textbook.pdf.": "text"}
"""Families whose members share the beginning of their name."""

LEARNER_PREFIXES = ("edx.cohort.", "edx.certificate.", "edx.grades.", "edx.course.grade.")
"""Beginnings of names, of those not listed, whose payload is of the kind `learner`."""


def known_types() -> dict[str, EventType]:
    """Every type name with something to say about it; other names stay as they are, `other`."""
    known = {name: EventType(name, "video", "video") for name in _VIDEO}
    known["speed_change_video"] = EventType("speed_change_video", "video", "video")
    known |= {
        name: EventType(canonical, "video", "video") for name, canonical in _VIDEO_ALIASES.items()
    }
    known |= {name: EventType(name, payload="block") for name in _VIDEO_OTHER}
    for name, canonical in _MOVES.items():
        known[name] = known[canonical] = EventType(canonical, "nav", "move")
    for family, names in _FAMILIES.items():
        known |= {name: EventType(name, family, _PAYLOADS.get(family)) for name in names}
    known["save_problem_check"] = EventType("problem_check", "prob", "attempt")
    known["problem_rescore"] = EventType("problem_rescore", "prob", "rescore")
    for change in ("activated", "deactivated", "mode_changed"):
        name = f"edx.course.enrollment.{change}"
        known[name] = EventType(name, "enr", "enrolment")
    return known


@dataclass(frozen=True, slots=True)
class Page:
    """What a request is by the path segment after the course key."""

    canonical: str
    family: str
    location: str | None = None


def known_pages() -> dict[str, Page]:
    """Path segments with something to say about them; any other is `/other`."""
    pages = {"courseware": Page("/courseware", "nav")}
    pages |= {name: Page(f"/{name}", "nav", location) for name, location in PAGES.items()}
    # calls of the forum's interface, which the parser tells from its pages
    pages["discussion/"] = Page("/discussion/", "other", "_forum_")
    pages |= {name: Page(f"/{name}", "other") for name in OTHER_SEGMENTS}
    return pages
