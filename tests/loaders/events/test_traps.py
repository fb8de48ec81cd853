"""The traps of real logs, one test each (openedx-data 3.3)."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pytest

from courselens.domain import to_us
from loaders.datasets import COURSES, PROFILES
from loaders.events.lake import Lake
from loaders.events.structure import Structure
from loaders.events.users import name_only_user_id
from tests.data.log_lines import (
    COURSE,
    START,
    bring_in,
    key,
    lake_of,
    line,
    record,
    rows,
    write_log,
)

START_US = to_us(START)


@pytest.mark.parametrize(
    "given",
    [
        {"context": {"course_id": ""}, "event": {"course_id": COURSE}},
        {"context": {"course_id": ""}, "page": f"https://x.org/courses/{COURSE}/courseware/a/b/"},
        {
            "context": {"course_id": ""},
            "page": "https://x.org/courses/course-v1%3AOrg%2BBio%2B2024/progress",
        },
        {"context": {"course_id": None}, "event": {"problem_id": key("problem", "p")}},
        {"context": {"course_id": ""}, "page": f"https://x.org/xblock/{key('vertical', 'v')}?a=1"},
        {"context": {"course_id": ""}, "referer": f"https://x.org/courses/{COURSE}/info"},
        {"context": {"course_id": f"{COURSE}\n"}},
    ],
)
def test_a_course_is_found_wherever_the_event_names_it(tmp_path, given):
    assert lake_of(tmp_path, line("page_close", **given)).course_keys() == [COURSE]


def test_a_course_in_a_request_path_is_found(tmp_path):
    lake = lake_of(
        tmp_path,
        line(f"/courses/{COURSE}/info", context={"course_id": ""}),
        line("/courses/Org/Bio/2013/info", 1, context={"course_id": ""}),
    )
    assert lake.course_keys() == ["Org/Bio/2013", COURSE]
    assert rows(lake, "course_from_url") == [True, True]


def test_the_payload_course_comes_before_the_page(tmp_path):
    lake = lake_of(
        tmp_path,
        line(
            "page_close",
            context={"course_id": ""},
            event={"course_id": COURSE},
            page="https://x.org/courses/course-v1:O+Other+1/info",
        ),
    )
    assert rows(lake, "course_key", "course_from_url") == [(COURSE, False)]


@pytest.mark.parametrize(
    "path",
    ["/api/courses/v1/blocks/", "/courses/v1", "/courses/a/b", "/courses/", "/static/courses.js"],
)
def test_paths_that_only_look_like_courses_are_none(tmp_path, path):
    log = write_log(tmp_path / "t.log", [line(path, context={"course_id": ""})])
    report = bring_in(Lake(tmp_path / "lake"), log)
    assert report.rejected == {"dropped_no_course": 1}


def test_both_key_forms_stay_two_courses(tmp_path):
    lake = lake_of(
        tmp_path,
        line("page_close", context={"course_id": "Org/Bio/2024"}),
        line("page_close", context={"course_id": COURSE}),
    )
    assert lake.course_keys() == ["Org/Bio/2024", COURSE]


@pytest.mark.parametrize("given", [7, "7", 7.0, "7.0"])
def test_user_ids_come_as_numbers_and_text(tmp_path, given):
    lake = lake_of(tmp_path, line("page_close", context={"user_id": given}))
    assert rows(lake, "user_id") == [7]


@pytest.mark.parametrize("blank", ["", None, "None"])
def test_a_learner_without_id_is_known_by_name(tmp_path, blank):
    lake = lake_of(tmp_path, line("page_close", username="ben\n", context={"user_id": blank}))
    assert rows(lake, "user_id", "username") == [(name_only_user_id("ben"), "ben")]


@pytest.mark.parametrize("name", ["", " ", "anonymous", None])
def test_an_event_of_nobody_is_rejected(tmp_path, name):
    log = write_log(
        tmp_path / "t.log", [line("page_close", username=name, context={"user_id": ""})]
    )
    assert bring_in(Lake(tmp_path / "lake"), log).rejected == {"dropped_no_user": 1}


def test_a_name_with_a_profile_is_its_id(tmp_path):
    profiles = pa.Table.from_pylist([{"user_id": 9, "username": "ben"}], schema=PROFILES.schema)
    lake = lake_of(
        tmp_path,
        line("page_close", username="ben", context={"user_id": None}),
        line("page_close", 1, username="eve", context={"user_id": None}),
        structure=Structure(profiles=profiles),
    )
    assert rows(lake, "user_id") == [name_only_user_id("eve"), 9]


def test_a_name_that_two_users_have_had_is_nobodys_id(tmp_path):
    profiles = pa.Table.from_pylist(
        [{"user_id": 9, "username": "ben"}, {"user_id": 10, "username": "ben"}],
        schema=PROFILES.schema,
    )
    lake = lake_of(
        tmp_path,
        line("page_close", username="ben", context={"user_id": None}),
        structure=Structure(profiles=profiles),
    )
    assert rows(lake, "user_id") == [name_only_user_id("ben")]


@pytest.mark.parametrize(
    ("event_type", "payload", "learner"),
    [
        (
            "edx.course.enrollment.activated",
            {"user_id": 5, "course_id": COURSE, "mode": "audit"},
            5,
        ),
        ("edx.cohort.user_added", {"user_id": "6"}, 6),
        ("edx.certificate.created", {"user_id": 7}, 7),
        ("edx.grades.problem.submitted", {"user_id": "8", "weighted_possible": 0}, 8),
        ("edx.course.grade.now_passed", {"user_id": "9"}, 9),
        ("problem_rescore", {"student": "10", "new_score": 1, "new_total": 2}, 10),
    ],
)
def test_the_learner_of_an_action_on_a_learner_is_in_the_payload(
    tmp_path, event_type, payload, learner
):
    lake = lake_of(tmp_path, line(event_type, username="staff", event=payload))
    assert rows(lake, "user_id", "username", "is_activity") == [(learner, None, False)]


def test_a_grade_event_in_the_learners_own_request_is_activity(tmp_path):
    lake = lake_of(tmp_path, line("edx.grades.problem.submitted", event={"user_id": "1"}))
    assert rows(lake, "user_id", "username", "is_activity") == [(1, "ana", True)]


def test_a_worker_event_names_its_learner_in_the_payload_only(tmp_path):
    lake = lake_of(
        tmp_path,
        line(
            "edx.grades.course.grade_calculated",
            username="",
            event={"user_id": "6", "percent_grade": 0.5},
            context={"user_id": None},
        ),
    )
    assert rows(lake, "user_id", "username", "is_activity") == [(6, None, False)]


@pytest.mark.parametrize(
    "payload",
    [
        {"id": "v1", "currentTime": 12.5},
        json.dumps({"id": "v1", "currentTime": 12.5}),
        json.dumps(json.dumps({"id": "v1", "currentTime": 12.5})),
    ],
)
def test_a_payload_may_be_json_in_text_even_twice(tmp_path, payload):
    lake = lake_of(tmp_path, line("play_video", event=payload, event_source="browser"))
    assert rows(lake, "location", "current_seconds") == [("v1", 12.5)]


@pytest.mark.parametrize("payload", ["", None, "input_1=choice_2", ["a", "<b>"], '{"cut": ', 7])
def test_a_payload_that_is_no_object_is_no_error(tmp_path, payload):
    lake = lake_of(tmp_path, line("problem_check", event=payload, event_source="browser"))
    assert rows(lake, "event_type", "source", "grade") == [("problem_check", "browser", None)]


def test_the_native_envelope_gives_the_same_row(tmp_path):
    legacy = record("seek_video", event={"id": "v", "old_time": 1, "new_time": 2.5})
    native = {
        "name": "seek_video",
        "timestamp": legacy["time"],
        "data": legacy["event"],
        "context": legacy["context"] | {"username": "ana", "event_source": "server"},
    }
    one = rows(lake_of(tmp_path, json.dumps(legacy)))
    (tmp_path / "b").mkdir()
    assert rows(lake_of(tmp_path / "b", json.dumps(native))) == one
    assert one[0][rows_index("new_seconds")] == 2.5


def rows_index(name: str) -> int:
    from loaders.datasets import EVENTS

    return list(EVENTS.columns).index(name)


@pytest.mark.parametrize(
    "prefix", ["May  3 12:00:00 lms [tracking] - ", "lms-1  | 2024 [x] {oops} "]
)
def test_text_before_the_object_is_stepped_over(tmp_path, prefix):
    lines = [prefix + line("page_close", n) for n in range(3)]
    assert len(rows(lake_of(tmp_path, *lines), "ts_us")) == 3


def test_one_prefixed_line_among_plain_ones_is_read(tmp_path):
    lake = lake_of(tmp_path, line("a", 1), "Feb  3 lms: " + line("b", 2), line("c", 3))
    assert rows(lake, "event_type") == ["a", "b", "c"]
    assert [event_id & (1 << 40) - 1 for event_id in rows(lake, "event_id")] == [16, 32, 48]


def test_every_bad_line_is_named_with_its_reason(tmp_path):
    good = line("page_close")
    log = write_log(
        tmp_path / "t.log",
        [good, "", "# note", good[:60], b"\0\0\0", "junk", "   ", "[1, 2]", "null", line("x", 2)],
    )
    lake = Lake(tmp_path / "lake")
    report = bring_in(lake, log)
    assert report.rejected == {"blank": 3, "comment": 1, "dropped_parse": 4}
    assert [(r["line"], r["reason"]) for r in lake.rejects().to_pylist()] == [
        (2, "blank"),
        (3, "comment"),
        (4, "dropped_parse"),
        (5, "blank"),
        (6, "dropped_parse"),
        (7, "blank"),
        (8, "dropped_parse"),
        (9, "dropped_parse"),
    ]
    assert [event_id >> 4 & 0xFFFF for event_id in rows(lake, "event_id")] == [1, 10]


def test_zero_bytes_and_bad_utf8_do_not_cost_the_event(tmp_path):
    lake = lake_of(
        tmp_path,
        b"\0\0\0" + line("a", 1).encode(),
        line("b", 2).encode().replace(b"ana", b"an\xff"),
        line("c", 3).replace("ana", "\\ud800"),
    )
    assert rows(lake, "event_type") == ["a", "b", "c"]


def test_records_joined_by_a_lost_newline_are_all_read(tmp_path):
    log = write_log(tmp_path / "t.log", [line("a", 1) + line("b", 2), line("c", 3)])
    lake = Lake(tmp_path / "lake")
    report = bring_in(lake, log)
    assert (report.lines, report.parsed, report.events) == (2, 2, 3)
    assert rows(lake, "event_type") == ["a", "b", "c"]
    assert [event_id & 0xFF for event_id in rows(lake, "event_id")] == [16, 17, 32]


def test_a_record_behind_a_cut_one_is_saved_and_the_rest_noted(tmp_path):
    lake = lake_of(tmp_path, line("a", 1)[:80] + line("b", 2))
    assert rows(lake, "event_type") == ["b"]
    assert lake.rejects().column("reason").to_pylist() == ["rest_of_line"]


def test_a_file_with_every_line_broken_gives_no_course(tmp_path):
    lake = Lake(tmp_path / "lake")
    report = bring_in(lake, write_log(tmp_path / "t.log", ["{broken"] * 50))
    assert (report.lines, report.parsed, report.rejected) == (50, 0, {"dropped_parse": 50})
    assert lake.course_keys() == []
    assert lake.coverage() is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-03-04T10:00:00.000001+00:00", 0.000001),
        ("2024-03-04T10:00:00+00:00", 0),
        ("2024-03-04T10:00:00Z", 0),
        ("2024-03-04T10:00:00.5", 0.5),
        ("2024-03-04 10:00:00", 0),
        ("2024-03-04T12:00:00+02:00", 0),
    ],
)
def test_times_are_utc_in_all_spellings(tmp_path, text, seconds):
    lake = lake_of(tmp_path, line("page_close", time=text))
    assert rows(lake, "ts_us") == [START_US + round(seconds * 1e6)]


@pytest.mark.parametrize("text", ["", None, "yesterday", "2024-13-01T00:00:00", "infinity"])
def test_an_event_without_a_time_is_rejected(tmp_path, text):
    log = write_log(tmp_path / "t.log", [line("page_close", time=text)])
    assert bring_in(Lake(tmp_path / "lake"), log).rejected == {"dropped_time": 1}


def test_an_event_before_the_courses_creation_is_rejected(tmp_path):
    courses = pa.Table.from_pylist(
        [{"course_key": COURSE, "created_us": START_US}], schema=COURSES.schema
    )
    log = write_log(tmp_path / "t.log", [line("a", -1), line("b", 0)])
    lake = Lake(tmp_path / "lake")
    report = bring_in(lake, log, structure=Structure(courses=courses))
    assert report.rejected == {"dropped_time": 1}
    assert rows(lake, "event_type") == ["b"]


def test_a_device_clock_far_ahead_of_the_server_is_not_believed(tmp_path):
    at = {"received_at": "2024-03-04T10:00:00+00:00"}
    lake = lake_of(
        tmp_path,
        line("a", 300, context=at, event_source="mobile"),
        line("b", 301, context=at, event_source="mobile"),
    )
    assert rows(lake, "event_type", "ts_us") == [("b", START_US), ("a", START_US + 300_000_000)]


def test_a_devices_clock_does_not_widen_the_coverage(tmp_path):
    lake = lake_of(
        tmp_path, line("a", -86400 * 400, event_source="mobile"), line("b"), line("c", 86400)
    )
    days = lake.coverage()
    assert days is not None
    assert (days.first_day, days.last_day) == (19786, 19787)


def test_exact_repeats_collapse_and_others_stay(tmp_path):
    check = {"problem_id": key("problem", "p"), "grade": 1}
    log = write_log(
        tmp_path / "t.log",
        [
            line("problem_check", 1, event=check),
            line("showanswer", 1, event=check),
            line("problem_check", 1, event=check),
            line("problem_check", 1.000001, event=check),
            line("problem_check", 1, event=check, event_source="browser"),
            line("problem_check", 1, event=check | {"grade": 0}),
            line("problem_check", 1, event=check, context={"user_id": 2}),
        ],
    )
    lake = Lake(tmp_path / "lake")
    report = bring_in(lake, log)
    assert (report.events, report.stored, report.duplicates) == (7, 6, 1)
    assert [event_id >> 4 & 15 for event_id in rows(lake, "event_id")] == [1, 2, 5, 6, 4, 7]


def test_numbers_come_in_any_spelling_and_never_as_nan(tmp_path):
    lake = lake_of(
        tmp_path,
        line("problem_check", 1, event={"grade": "1.0", "max_grade": 2, "attempts": "3"}),
        line("problem_check", 2, event={"grade": None, "attempts": 2.0, "success": "CORRECT "}),
        line("load_video", 3, event={"id": "v", "duration": float("nan")}),
        line("load_video", 4, event={"id": "v", "duration": None}),
    )
    assert rows(lake, "grade", "max_grade", "attempt", "success", "duration_seconds") == [
        (1.0, 2.0, 3, None, None),
        (None, None, 2, "correct", None),
        (None, None, None, None, None),
        (None, None, None, None, None),
    ]


@pytest.mark.parametrize(
    "name",
    ["list-students", "dump-grades", "rescore-all-submissions", "edx.bi.x", "add-instructor"],
)
def test_team_and_marketing_events_are_no_activity(tmp_path, name):
    assert rows(lake_of(tmp_path, line(name)), "is_activity") == [False]


def test_task_events_are_dropped_but_bulk_rescoring(tmp_path):
    log = write_log(
        tmp_path / "t.log",
        [
            line("edx.grades.problem.rescored", event={"user_id": 4}, event_source="task"),
            line("problem_rescore", event={"student": 4, "new_score": 1}, event_source="task"),
        ],
    )
    lake = Lake(tmp_path / "lake")
    assert bring_in(lake, log).rejected == {"dropped_task": 1}
    assert rows(lake, "user_id", "grade", "is_activity") == [(4, 1.0, False)]


def test_no_address_agent_or_text_reaches_the_lake(tmp_path):
    secret = "canary"
    lake = lake_of(
        tmp_path,
        line(
            "edx.forum.thread.created",
            ip=secret,
            agent=secret,
            session=secret,
            referer=secret,
            event={"id": "t1", "body": secret, "title": secret},
        ),
        line(
            f"/courses/{COURSE}/discussion/forum/users/{secret}", 1, event=f'{{"GET": "{secret}"}}'
        ),
        line(f"/courses/{COURSE}/{secret}/x", 2),
    )
    assert rows(lake, "object_id")[0] == "t1"
    stored = b"".join(str(row).encode() for row in rows(lake))
    assert secret.encode() not in stored


def test_pretty_printed_and_listed_events_are_one_line_each(tmp_path):
    one = tmp_path / "one.json"
    one.write_text(json.dumps(record("a", 1), indent=4))
    many = tmp_path / "many.json"
    many.write_text(json.dumps([record("b", 2), record("c", 3)], indent=4))
    lake = Lake(tmp_path / "lake")
    report = bring_in(lake, one, many)
    assert (report.lines, report.parsed) == (3, 3)
    assert rows(lake, "event_type") == ["a", "b", "c"]


def test_a_compressed_log_gives_the_rows_of_the_plain_one(tmp_path):
    lines = [line("a", n) for n in range(5)] + ["broken", line("b", 9)]
    plain = lake_of(tmp_path, *lines)
    packed = tmp_path / "tracking.log-2024.gz"
    packed.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))
    lake = Lake(tmp_path / "packed")
    assert bring_in(lake, packed).rejected == {"dropped_parse": 1}
    assert rows(lake) == rows(plain)


def test_a_compressed_log_cut_short_gives_what_can_be_read(tmp_path):
    lines = [line("a", n, username=f"user-{n * n}") for n in range(2000)]
    packed = tmp_path / "t.log.gz"
    packed.write_bytes(gzip.compress("\n".join(lines).encode())[:-2000])
    report = bring_in(Lake(tmp_path / "lake"), packed)
    assert 0 < report.parsed < 2000


def test_deep_nesting_and_huge_numbers_do_not_stop_the_run(tmp_path):
    deep = '{"event_type": "x", "event": ' + "[" * 50_000
    log = write_log(
        tmp_path / "t.log",
        [deep, deep + "]" * 50_000 + "}", '{"event_type": ' + "9" * 10_000 + "}", line("a")],
    )
    assert bring_in(Lake(tmp_path / "lake"), log).parsed == 1
