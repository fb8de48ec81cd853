"""Course runs, their videos, personal due dates."""

from __future__ import annotations

from loaders import datasets
from loaders.mysql.reads import Changes, Joined, Path, Read
from loaders.tables.queries import QUERY_OF, TableQuery
from loaders.tables.specs import TABLE_SPECS, TableSpec

_OVERVIEW = TABLE_SPECS["course_overviews_courseoverview"]

COURSES = Read(
    "courses",
    QUERY_OF["courses"],
    (Joined(_OVERVIEW, "o"),),
    by_course=(Path("o.id = %(course_key)s", ("o.id",), ("id",)),),
    everything=Path("", ("o.id",), ("id",)),
)

_USED = TableSpec(
    "edxval_coursevideo",
    {"course_id": "text", "video_id": "int"},
    ("course_id", "video_id"),
    (),
)
_VIDEO = TableSpec(
    "edxval_video",
    {"id": "int", "edx_video_id": "text", "duration": "float"},
    ("id", "edx_video_id"),
    (),
)

COURSE_VIDEOS = Read(
    "course_videos",
    TableQuery(
        datasets.COURSE_VIDEOS,
        ((_USED.name, _VIDEO.name),),
        # Zero is what the platform writes for a video of unknown length.
        """SELECT u.course_id AS course_key, v.edx_video_id,
            nullif(v.duration, 0) AS duration_seconds, u.seq
        FROM edxval_coursevideo AS u
        JOIN (SELECT DISTINCT id, edx_video_id, duration FROM edxval_video) AS v
            ON v.id = u.video_id""",
    ),
    (Joined(_USED, "u"), Joined(_VIDEO, "v", "v.id = u.video_id")),
    by_course=(Path("u.course_id = %(course_key)s", ("u.video_id",), ("course_id", "video_id")),),
)

_DATE = TableSpec(
    "edx_when_contentdate",
    {"id": "int", "course_id": "text", "location": "text"},
    ("id", "course_id", "location"),
    (),
)
_PERSONAL = TableSpec(
    "edx_when_userdate",
    {
        "user_id": "int",
        "content_date_id": "int",
        "abs_date": "instant",
        "rel_date": "int",
        "modified": "instant",
    },
    ("user_id", "content_date_id"),
    (),
)
_DUE = Joined(_DATE, "c", "c.id = d.content_date_id AND c.field = 'due'")
_DATES = Read(
    "content_dates",
    QUERY_OF["courses"],
    (Joined(_DATE, "c"),),
    by_course=(
        Path("c.course_id = %(course_key)s AND c.field = 'due'", ("c.id",), ("course_id",)),
    ),
)

PERSONAL_DUE_DATES = Read(
    "personal_due_dates",
    TableQuery(
        datasets.PERSONAL_DUE_DATES,
        ((_PERSONAL.name, _DATE.name),),
        """SELECT c.course_id AS course_key, d.user_id, c.location AS block_key,
            d.abs_date AS due_us, d.rel_date AS relative_us, d.modified AS modified_us, d.seq
        FROM edx_when_userdate AS d
        JOIN (SELECT DISTINCT id, course_id, location FROM edx_when_contentdate) AS c
            ON c.id = d.content_date_id""",
    ),
    (Joined(_PERSONAL, "d"), _DUE),
    by_course=(
        Path(
            "d.content_date_id IN %(parents)s",
            ("d.content_date_id", "d.id"),
            ("content_date_id",),
            parents=_DATES,
        ),
    ),
    by_users=(
        Path("d.user_id IN %(user_ids)s AND c.course_id = %(course_key)s", ("d.id",), ("user_id",)),
    ),
    changes=Changes(Path("", ("d.id",), ("id",))),
)

READS = (COURSES, COURSE_VIDEOS, PERSONAL_DUE_DATES)
