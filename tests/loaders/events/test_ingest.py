"""Running again, growing, rotated and interrupted logs: the lake is as if read at once."""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from courselens.errors import LakeError, SourceNotFound
from loaders.events.lake import Lake
from loaders.events.structure import Structure
from tests.data.log_lines import COURSE, bring_in, key, line, rows, write_log

OTHER = "course-v1:Org+Chem+2024"


def busy_log(count: int, *, seed: int) -> list[str]:
    """Lines of six learners in two courses over three days, in order of time, with repeats."""
    draw = random.Random(seed)
    lines = []
    second = 0.0
    for number in range(count):
        second += draw.choice([0, 0, 1, 30, 900, 5000])
        user = draw.randrange(1, 7)
        given = {
            "username": f"u{user}",
            "context": {"user_id": user, "course_id": draw.choice([COURSE, OTHER])},
        }
        kind = draw.randrange(6)
        if kind == 0:
            lines.append(line("play_video", second, event={"id": f"v{number % 4}"}, **given))
        elif kind == 1:
            event = {"problem_id": key("problem", f"p{number % 3}"), "attempts": number}
            lines.append(line("problem_check", second, event=event, **given))
        elif kind == 2 and lines:
            lines.append(draw.choice(lines[-5:]))
        else:
            lines.append(line("nowhere", second, event={"n": number}, **given))
    return lines


ALL_BUT_ID = [
    "course_key", "user_id", "username", "ts_us", "event_type", "family", "activity_type",
    "is_activity", "location", "location_gap_us", "attempt", "fingerprint",
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A log and the rows of its lake, read at once."""
    folder = tmp_path_factory.mktemp("whole")
    lines = busy_log(600, seed=5)
    lake = Lake(folder / "lake")
    report = bring_in(lake, write_log(folder / "tracking.log", lines))
    assert report.duplicates > 20
    return lines, lake


def test_the_random_log_covers_what_it_should(whole):
    _, lake = whole
    gaps = rows(lake, "location_gap_us")
    assert sum(gap is not None for gap in gaps) > 50
    assert rows(lake, "location").count("_course_") > 5
    assert len(lake.files(COURSE)) > 3


def test_running_again_adds_and_changes_nothing(tmp_path):
    log = write_log(tmp_path / "t.log", busy_log(100, seed=1))
    lake = Lake(tmp_path / "lake")
    first = bring_in(lake, log)
    before = rows(lake), lake.version(COURSE), lake.files(COURSE)
    again = bring_in(lake, log)
    assert first.stored > 0
    assert (again.lines, again.stored, again.files) == (0, 0, {})
    assert (rows(lake), lake.version(COURSE), lake.files(COURSE)) == before


def test_a_touched_file_adds_nothing(tmp_path):
    log = write_log(tmp_path / "t.log", busy_log(50, seed=1))
    lake = Lake(tmp_path / "lake")
    bring_in(lake, log)
    os.utime(log, (1, 1))
    assert bring_in(lake, log).lines == 0


def test_a_file_that_grew_adds_only_its_tail(whole, tmp_path):
    lines, expected = whole
    lake = Lake(tmp_path / "lake")
    log = tmp_path / "tracking.log"
    counts = []
    for end in (1, 200, 201, 430, 600):
        write_log(log, lines[:end])
        counts.append(bring_in(lake, log).lines)
    assert counts == [1, 199, 1, 229, 170]
    assert rows(lake) == rows(expected)
    assert [lake.version(course) for course in lake.course_keys()] == [
        expected.version(course) for course in expected.course_keys()
    ]


@pytest.mark.parametrize("seed", range(6))
def test_any_split_over_files_and_runs_gives_the_same_rows(whole, tmp_path, seed):
    lines, expected = whole
    draw = random.Random(seed)
    cuts = sorted(draw.sample(range(1, len(lines)), 5))
    pieces = [lines[a:b] for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
    logs = [write_log(tmp_path / f"{n}.log", piece) for n, piece in enumerate(pieces)]
    lake = Lake(tmp_path / "lake")
    while logs:
        count = draw.randrange(1, len(logs) + 1)
        bring_in(lake, *logs[:count])
        logs = logs[count:]
    assert rows(lake, *ALL_BUT_ID) == rows(expected, *ALL_BUT_ID)


@pytest.mark.parametrize("seed", range(6))
def test_late_files_fill_gaps_as_if_they_had_been_there(tmp_path, seed):
    draw = random.Random(seed)
    # no two lines share an instant, so that the order of files does not matter
    lines = list({one.split('"time": ')[1][:34]: one for one in busy_log(300, seed=seed)}.values())
    shards: list[list[str]] = [[], [], []]
    for one in lines:
        draw.choice(shards).append(one)
    logs = [write_log(tmp_path / f"{n}.log", shard) for n, shard in enumerate(shards)]
    at_once, one_by_one = Lake(tmp_path / "a"), Lake(tmp_path / "b")
    bring_in(at_once, *logs)
    for log in draw.sample(logs, 3):
        bring_in(one_by_one, log)
    assert rows(one_by_one, *ALL_BUT_ID) == rows(at_once, *ALL_BUT_ID)


def test_a_rotated_log_is_not_counted_twice(tmp_path):
    lines = busy_log(120, seed=3)
    log = write_log(tmp_path / "tracking.log", lines[:100])
    lake = Lake(tmp_path / "lake")
    bring_in(lake, log)
    version = lake.version(COURSE)
    packed = tmp_path / "tracking.log-20240305.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    write_log(log, lines[100:])
    report = bring_in(lake, packed, log)
    assert report.lines == 120
    assert lake.version(COURSE) != version
    at_once = Lake(tmp_path / "at-once")
    bring_in(at_once, write_log(tmp_path / "whole.log", lines))
    assert rows(lake, *ALL_BUT_ID) == rows(at_once, *ALL_BUT_ID)


def test_a_copy_under_another_name_changes_nothing(tmp_path):
    lines = busy_log(80, seed=4)
    lake = Lake(tmp_path / "lake")
    bring_in(lake, write_log(tmp_path / "a.log", lines))
    before = rows(lake), lake.version(COURSE)
    report = bring_in(lake, write_log(tmp_path / "b.log", lines))
    assert (report.lines, report.stored) == (80, 0)
    assert (rows(lake), lake.version(COURSE)) == before


def test_a_log_truncated_and_written_anew_is_read_as_a_whole(tmp_path):
    log = write_log(tmp_path / "t.log", [line("a", n, event={"n": n}) for n in range(50)])
    lake = Lake(tmp_path / "lake")
    bring_in(lake, log)
    write_log(log, [line("b", n, event={"n": n}) for n in range(60)])
    assert bring_in(lake, log).stored == 60
    ids = rows(lake, "event_id")
    assert len(set(ids)) == 110


def test_a_line_still_being_written_is_left_for_the_next_run(tmp_path):
    log, lake = tmp_path / "t.log", Lake(tmp_path / "lake")
    log.write_text(line("a", 1) + "\n" + line("b", 2)[:50])
    assert bring_in(lake, log).rejected == {"unfinished": 1}
    assert lake.rejects().to_pylist() == [{"file": str(log), "line": 2, "reason": "unfinished"}]
    log.write_text(line("a", 1) + "\n" + line("b", 2) + "\n" + line("c", 3) + "\n")
    assert bring_in(lake, log).lines == 2
    assert rows(lake, "event_type") == ["a", "b", "c"]
    assert [event_id >> 4 for event_id in rows(lake, "event_id")] == [1, 2, 3]
    assert lake.rejects().num_rows == 0


def test_a_last_line_without_newline_is_read_once(tmp_path):
    log, lake = tmp_path / "t.log", Lake(tmp_path / "lake")
    log.write_text(line("a", 1) + "\n" + line("b", 2))
    assert bring_in(lake, log).parsed == 2
    log.write_text(line("a", 1) + "\n" + line("b", 2) + "\n" + line("c", 3) + "\n")
    report = bring_in(lake, log)
    assert (report.lines, report.stored) == (1, 1)
    assert [event_id >> 4 for event_id in rows(lake, "event_id")] == [1, 2, 3]


def test_a_compressed_log_that_grew_adds_its_tail(tmp_path):
    lines = busy_log(40, seed=2)
    log, lake = tmp_path / "t.log.gz", Lake(tmp_path / "lake")
    head = gzip.compress("".join(f"{one}\n" for one in lines[:25]).encode())
    log.write_bytes(head)
    bring_in(lake, log)
    log.write_bytes(head + gzip.compress("".join(f"{one}\n" for one in lines[25:]).encode()))
    assert bring_in(lake, log).lines == 15


def test_a_missing_log_is_named(tmp_path):
    with pytest.raises(SourceNotFound, match=r"gone\.log"):
        bring_in(Lake(tmp_path / "lake"), tmp_path / "gone.log")


def test_every_event_keeps_the_number_of_its_line(tmp_path):
    # two logs of several reader buffers, and bad lines of each kind in between
    padding = "x" * 700
    draw = random.Random(1)
    logs = []
    for user, name in enumerate(("a", "b"), 1):
        lines: list[str] = []
        while len(lines) < 60_000:
            number = len(lines) + 1
            bad = draw.randrange(2000)
            payload = {"attempts": number, "x": padding}
            event = line("problem_check", number, event=payload, context={"user_id": user})
            lines.append({0: "", 1: event[:90], 2: "# note", 3: "  "}.get(bad, event))
        logs.append(write_log(tmp_path / f"{name}.log", lines))
    lake = Lake(tmp_path / "lake")
    report = bring_in(lake, *logs)
    assert set(report.rejected) == {"blank", "comment", "dropped_parse"}
    found = rows(lake, "event_id", "attempt")
    assert len(found) > 119_000
    assert all(event_id >> 4 & (1 << 36) - 1 == attempt for event_id, attempt in found)


def test_a_log_whose_name_looks_like_a_pattern_is_read_alone(tmp_path):
    write_log(tmp_path / "a1.log", [line("other")])
    lake = Lake(tmp_path / "lake")
    assert bring_in(lake, write_log(tmp_path / "a[1].log", [line("a")])).lines == 1
    assert rows(lake, "event_type") == ["a"]


def test_a_lake_under_a_pattern_is_refused(tmp_path):
    with pytest.raises(LakeError, match="choose another"):
        bring_in(Lake(tmp_path / "lake[1]"), write_log(tmp_path / "t.log", [line("a")]))


def test_no_log_at_all_gives_an_empty_lake(tmp_path):
    lake = Lake(tmp_path / "lake")
    assert bring_in(lake).lines == 0
    assert (lake.course_keys(), lake.coverage(), lake.files(COURSE)) == ([], None, [])


CHILD = """
import os, signal, sys
from pathlib import Path
import loaders.events.{module} as module
from loaders.events.ingest import ingest
from loaders.events.lake import Lake
from loaders.events.structure import Structure

real = module.{function}
calls = 0

def dying(*given, **named):
    global calls
    calls += 1
    if calls == {call}:
        if {late}:
            real(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given, **named)

module.{function} = dying
ingest([Path(p) for p in sys.argv[2:]], Lake(Path(sys.argv[1])), structure=Structure(),
       memory_limit="500MB", threads=2)
"""


@pytest.mark.parametrize(
    ("module", "function", "call", "late"),
    [
        ("ingest", "new_text", 2, True),
        ("ingest", "load_places", 1, True),
        ("merge", "write_slot", 3, True),
        ("ingest", "_move", 1, False),
        ("ingest", "_move", 1, True),
        ("ingest", "write_manifest", 1, False),
        ("ingest", "write_manifest", 1, True),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_run_that_is_killed_leaves_the_lake_whole(
    whole, tmp_path, module, function, call, late, is_first
):
    lines, expected = whole
    logs = [
        write_log(tmp_path / "1.log", lines[:200]),
        write_log(tmp_path / "2.log", lines[200:400]),
        write_log(tmp_path / "3.log", lines[400:]),
    ]
    lake = Lake(tmp_path / "lake")
    if not is_first:
        bring_in(lake, logs[0])
    before = rows(lake)
    child = CHILD.format(module=module, function=function, call=call, late=late)
    done = subprocess.run(
        [sys.executable, "-c", child, str(lake.path), *map(str, logs)],
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    committed = function == "write_manifest" and late
    if not committed:
        assert rows(lake) == before
    bring_in(lake, *logs)
    assert rows(lake, *ALL_BUT_ID) == rows(expected, *ALL_BUT_ID)
    live = {path for course in lake.course_keys() for path in lake.files(course)}
    bring_in(lake, *logs)
    assert set(lake.path.glob("course_key=*/*/*")) == live
    assert not (lake.path / "staging").exists()


def test_two_writers_do_not_meet(tmp_path):
    from loaders.manifests import locked

    with (
        locked(tmp_path / "lake"),
        pytest.raises(LakeError, match=f"written by process {os.getpid()} on "),
    ):
        bring_in(Lake(tmp_path / "lake"), write_log(tmp_path / "t.log", [line("a")]))


def test_progress_is_told_by_stage(tmp_path):
    from loaders.events.ingest import ingest

    told = []
    ingest(
        [write_log(tmp_path / "t.log", [line("a")])],
        Lake(tmp_path / "lake"),
        structure=Structure(),
        progress=lambda *step: told.append(step),
    )
    assert told == [
        ("reading logs", 1, 1), ("writing days", 1, 1), ("committing", 0, 1), ("committing", 1, 1),
    ]  # fmt: skip


def test_rows_hashed_by_another_engine_are_compared_field_by_field(tmp_path):
    log = write_log(tmp_path / "a.log", busy_log(60, seed=7))
    lake = Lake(tmp_path / "lake")
    bring_in(lake, log)
    before = len(rows(lake, "ts_us"))
    manifest = lake.path / "manifest.json"
    text = manifest.read_text()
    start = text.index('"fingerprint": "') + 16
    manifest.write_text(text[:start] + "1" + text[start:])
    assert bring_in(lake, write_log(tmp_path / "b.log", busy_log(60, seed=7))).stored == 0
    assert len(rows(lake, "ts_us")) == before
