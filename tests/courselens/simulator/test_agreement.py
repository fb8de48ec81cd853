"""The database of a simulation says what its events say."""

import io
import json
import tarfile
from collections import defaultdict
from datetime import datetime
from math import floor

import pytest


def second(event) -> str:
    return datetime.fromisoformat(event["time"]).strftime("%Y-%m-%d %H:%M:%S")


def of_type(simulated, name):
    return [event for event in simulated.events if event["type"] == name]


def checks(simulated):
    return [e for e in of_type(simulated, "problem_check") if e["source"] == "server"]


def test_attempts_and_grades_of_problems_are_those_of_the_last_submission(simulated):
    last = {}
    for event in checks(simulated):
        payload = event["payload"]
        last[str(event["user_id"]), payload["problem_id"]] = (
            payload["attempts"],
            float(payload["grade"]),
            float(payload["max_grade"]),
            payload["answers"],
            second(event),
        )
    states = {}
    for row in simulated.table("courseware_studentmodule"):
        if row["module_type"] == "problem":
            state = json.loads(row["state"])
            assert (row["grade"] is None) == ("attempts" not in state)
            if row["grade"] is not None:
                states[row["student_id"], row["module_id"]] = (
                    state["attempts"],
                    float(row["grade"]),
                    float(row["max_grade"]),
                    state["student_answers"],
                    state["last_submission_time"].replace("T", " ").removesuffix("Z"),
                )
    assert states == last
    assert len(last) > 100


def test_attempts_are_numbered_without_holes_and_stay_below_the_limit(simulated):
    numbers = defaultdict(list)
    for event in checks(simulated):
        payload = event["payload"]
        numbers[event["user_id"], payload["problem_id"]].append(payload["attempts"])
    structure = simulated.structure()
    for (_, problem), found in numbers.items():
        assert found == list(range(1, len(found) + 1))
        assert len(found) <= structure[problem]["metadata"].get("max_attempts", 9999)


def test_nobody_submits_after_the_due_date(simulated):
    structure = simulated.structure()
    parent = {child: key for key, block in structure.items() for child in block["children"]}
    closed = 0
    for event in checks(simulated) + of_type(simulated, "problem_check_fail"):
        key = event["payload"]["problem_id"]
        while key and "due" not in structure[key]["metadata"]:
            key = parent.get(key)
        due = structure[key]["metadata"]["due"].removesuffix("Z") if key else "9999"
        is_late = event["time"] > due
        assert is_late == (event["type"] == "problem_check_fail")
        closed += is_late
    assert closed > 0


def test_subsection_grades_are_those_of_the_last_grade_event(simulated):
    last, first = {}, {}
    for event in of_type(simulated, "edx.grades.subsection.grade_calculated"):
        payload = event["payload"]
        key = payload["user_id"], payload["block_id"]
        last[key] = (
            payload["weighted_total_earned"],
            payload["weighted_total_possible"],
            payload["weighted_graded_earned"],
            payload["weighted_graded_possible"],
        )
        first[key] = payload["first_attempted"].removesuffix("+00:00")
    rows = simulated.table("grades_persistentsubsectiongrade")
    assert {
        (row["user_id"], row["usage_key"]): tuple(
            float(row[name])
            for name in ("earned_all", "possible_all", "earned_graded", "possible_graded")
        )
        for row in rows
    } == last
    assert {(r["user_id"], r["usage_key"]): r["first_attempted"] for r in rows} == first


def test_subsection_grades_add_up_the_weighted_points_of_their_problems(simulated):
    structure = simulated.structure()
    parent = {child: key for key, block in structure.items() for child in block["children"]}

    def sequential(key):
        while structure[key]["category"] != "sequential":
            key = parent[key]
        return key

    earned = defaultdict(float)
    for row in simulated.table("courseware_studentmodule"):
        if row["module_type"] == "problem" and row["grade"] is not None:
            weight = structure[row["module_id"]]["metadata"].get("weight", float(row["max_grade"]))
            points = float(row["grade"]) / float(row["max_grade"]) * weight
            earned[row["student_id"], sequential(row["module_id"])] += points
    grades = {
        (row["user_id"], row["usage_key"]): float(row["earned_all"])
        for row in simulated.table("grades_persistentsubsectiongrade")
    }
    assert grades == pytest.approx(dict(earned))


def test_course_grades_follow_from_subsections_by_the_platforms_formula(simulated):
    (archive,) = simulated.folder.glob("*.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as files:
        policy = json.load(files.extractfile("course/policies/2025_02/grading_policy.json"))
    structure = simulated.structure()
    graded = [
        (key, block["metadata"]["format"])
        for key, block in structure.items()
        if block["metadata"].get("graded")
    ]
    grade_ids, ratio = {}, {}
    for row in simulated.table("grades_persistentsubsectiongrade"):
        if float(row["possible_graded"]):
            key = row["user_id"], row["usage_key"]
            grade_ids[row["id"]] = key
            ratio[key] = float(row["earned_graded"]) / float(row["possible_graded"])
    overrides = simulated.table("grades_persistentsubsectiongradeoverride")
    for row in overrides:
        ratio[grade_ids[row["grade_id"]]] = float(row["earned_graded_override"]) / float(
            row["possible_graded_override"]
        )
    rows = simulated.table("grades_persistentcoursegrade")
    assert {row["user_id"] for row in rows} == {user for user, _ in ratio}
    for row in rows:
        total = 0.0
        for kind in policy["GRADER"]:
            scores = [ratio.get((row["user_id"], k), 0.0) for k, f in graded if f == kind["type"]]
            scores += [0.0] * (kind["min_count"] - len(scores))
            counted = len(scores) - kind["drop_count"]
            kept = sorted(range(len(scores)), key=lambda nth: -scores[nth])[:counted]
            mean = sum(score for nth, score in enumerate(scores) if nth in kept) / counted
            total += mean * kind["weight"]
        percent = floor(total * 100 + 0.05 + 0.5) / 100
        assert float(row["percent_grade"]) == percent
        letter = next((n for n, limit in policy["GRADE_CUTOFFS"].items() if percent >= limit), "")
        assert row["letter_grade"] == letter


def test_course_grades_are_those_of_the_last_grade_event(simulated):
    last, passed = {}, {}
    for event in of_type(simulated, "edx.grades.course.grade_calculated"):
        payload = event["payload"]
        last[payload["user_id"]] = (payload["percent_grade"], payload["letter_grade"])
        if payload["letter_grade"]:
            passed.setdefault(payload["user_id"], second(event))
    rows = simulated.table("grades_persistentcoursegrade")
    assert {r["user_id"]: (float(r["percent_grade"]), r["letter_grade"]) for r in rows} == last
    assert {r["user_id"]: r["passed_timestamp"] for r in rows if r["passed_timestamp"]} == passed
    assert {
        event["payload"]["user_id"]
        for event in of_type(simulated, "edx.course.grade.passed.first_time")
    } == set(passed)


def test_certificates_go_to_those_who_passed_in_a_mode_that_gives_one(simulated):
    letters = {
        row["user_id"]: row["letter_grade"]
        for row in simulated.table("grades_persistentcoursegrade")
    }
    active = {
        row["user_id"]: row["mode"]
        for row in simulated.table("student_courseenrollment")
        if row["is_active"] == "1"
    }
    holders = {
        row["user_id"]
        for row in simulated.table("certificates_generatedcertificate")
        if row["status"] == "downloadable"
    }
    assert holders == {
        user for user, letter in letters.items() if letter and active.get(user, "audit") != "audit"
    }
    told = {str(e["payload"]["user_id"]) for e in of_type(simulated, "edx.certificate.created")}
    assert told == holders


def test_completions_are_those_of_the_events(simulated):
    told = {
        (str(event["payload"]["user_id"]), event["payload"]["block_id"], second(event))
        for event in of_type(simulated, "edx.completion.block_completion.changed")
    }
    rows = simulated.table("completion_blockcompletion")
    assert {(row["user_id"], row["block_key"], row["modified"]) for row in rows} == told
    assert {row["block_type"] for row in rows} == {"html", "video", "problem"}


def test_enrollments_are_where_their_events_left_them(simulated):
    state, created = {}, {}
    for event in simulated.events:
        if not event["type"].startswith("edx.course.enrollment."):
            continue
        user = str(event["payload"]["user_id"])
        created.setdefault(user, second(event))
        active, _ = state.get(user, (True, ""))
        if event["type"].endswith("activated"):
            active = event["type"].endswith(".activated")
        state[user] = (active, event["payload"]["mode"])
    rows = simulated.table("student_courseenrollment")
    assert {r["user_id"]: (r["is_active"] == "1", r["mode"]) for r in rows} == state
    assert {r["user_id"]: r["created"] for r in rows} == created


def test_arms_and_cohorts_are_those_that_were_assigned(simulated):
    arms = {
        str(event["user_id"]): str(event["payload"]["group_id"])
        for event in of_type(simulated, "xmodule.partitions.assigned_user_to_partition")
    }
    assert {r["user_id"]: r["value"] for r in simulated.table("user_api_usercoursetag")} == arms
    cohorts = {
        str(event["payload"]["user_id"]): event["payload"]["cohort_name"]
        for event in of_type(simulated, "edx.cohort.user_added")
    }
    assert {
        r["user_id"]: r["name"] for r in simulated.table("course_groups_cohortmembership")
    } == cohorts


def test_learners_submit_only_what_they_may_see(simulated):
    structure = simulated.structure()
    cohort = {
        row["user_id"]: row["name"] for row in simulated.table("course_groups_cohortmembership")
    }
    drawn = {
        row["student_id"]: {block for _, block in json.loads(row["state"])["selected"]}
        for row in simulated.table("courseware_studentmodule")
        if row["module_type"] == "library_content"
    }
    libraries = [b["children"] for b in structure.values() if b["category"] == "library_content"]
    restricted = 0
    for event in checks(simulated):
        user, problem = str(event["user_id"]), event["payload"]["problem_id"]
        if "group_access" in structure[problem]["metadata"]:
            assert cohort[user] == "Blue"
            restricted += 1
        if problem in libraries[0]:
            assert problem.rsplit("@", 1)[1] in drawn[user]
    assert restricted > 0
    assert {len(blocks) for blocks in drawn.values()} == {2}


def test_forum_posts_and_votes_are_those_of_the_events(simulated):
    (path,) = simulated.folder.glob("*.mongo")
    posts = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    told, voters = {}, defaultdict(set)
    for event in simulated.events:
        if event["type"].startswith("edx.forum.") and event["type"].endswith(".created"):
            told[event["payload"]["id"]] = str(event["user_id"])
        if event["type"].startswith("edx.forum.") and event["type"].endswith(".voted"):
            voters[event["payload"]["id"]].add(str(event["user_id"]))
    assert {post["_id"]["$oid"]: post["author_id"] for post in posts} == told
    assert {
        post["_id"]["$oid"]: set(post["votes"]["up"]) for post in posts if post["votes"]["up"]
    } == voters
    threads = {p["_id"]["$oid"]: p for p in posts if p["_type"] == "CommentThread"}
    answers = [post for post in posts if post["_type"] == "Comment"]
    for thread_id, thread in threads.items():
        mine = [p for p in answers if p["comment_thread_id"]["$oid"] == thread_id]
        assert thread["comment_count"] == len(mine)
