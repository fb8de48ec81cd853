"""A MongoDB as a source: videos, simulated courses."""

from __future__ import annotations

import pyarrow as pa

from courselens.simulator import simulate
from courselens.simulator.course import build_course
from courselens.simulator.into_mongo import video_durations, write_into_mongo
from courselens.simulator.options import Options
from loaders.datasets import COURSE_VIDEOS
from loaders.files.source import open_source as open_files
from tests.data.mongo_course import KEY, block, usage


def course_videos(seconds):
    rows = [
        {"course_key": KEY, "edx_video_id": video_id, "duration_seconds": length}
        for video_id, length in seconds.items()
    ]
    return pa.Table.from_pylist(rows, schema=COURSE_VIDEOS.schema)


async def test_videos_take_their_length_from_the_table_of_videos(open_source, put_course):
    put_course(block("course", "course", "video/v"), block("video", "v", edx_video_id="id-1"))

    async with open_source() as source:
        loaded = await source.load_course(KEY)

    assert loaded.video_ids == {usage("video", "v"): "id-1"}
    known = loaded.with_videos(course_videos({"id-1": 12.5, "other": 3.0}))
    assert known.tables["blocks"]["duration_seconds"].to_pylist() == [None, 12.5]
    assert known.tables["blocks"].schema == loaded.tables["blocks"].schema
    assert loaded.with_videos(course_videos({"id-1": None})) is loaded


async def test_a_simulated_course_is_the_same_from_files_and_from_mongodb(
    open_source, mongo_url, driver, tmp_path
):
    size = {"students": 40, "weeks": 2, "courses": 2, "seed": 3}
    simulate(tmp_path / "out", **size)
    files = open_files([tmp_path / "out"]).load().tables
    name = mongo_url.rpartition("/")[2]
    keys = await write_into_mongo(
        mongo_url, **size, database=name, forum_database=name, driver=driver
    )

    async with open_source() as source:
        assert await source.course_keys() == sorted(keys)
        for number, key in enumerate(keys):
            course = build_course(Options(**size), number)
            loaded = await source.load_course(key)
            posts = await source.forum_posts(key)
            assert loaded.problems == ()
            tables = loaded.with_videos(course_videos(video_durations(course))).tables
            for dataset in ("blocks", "block_access", "courses", "grading_policy"):
                assert tables[dataset].to_pylist() == rows_of(files, dataset, key)
            assert posts.sort_by("post_id").to_pylist() == sorted(
                rows_of(files, "forum_posts", key), key=lambda row: row["post_id"]
            )
            assert posts.num_rows > 0


def rows_of(files, dataset, course_key):
    return [row for row in files[dataset].to_pylist() if row["course_key"] == course_key]
