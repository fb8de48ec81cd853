from __future__ import annotations

import gzip
import json

import pytest

from loaders.files.detect import Kind, recognise

EVENT = {"event_type": "play_video", "event_source": "browser", "context": {}, "time": "x"}
NATIVE = {"name": "seek_video", "context": {"org_id": "x"}, "data": {}, "timestamp": "x"}
BLOCK = "block-v1:O+C+R+type@course+block@course"
POST = {"_id": {"$oid": "1"}, "_type": "Comment", "course_id": "O/C/R"}
COHORTS = "user_id\tcourse_id\tgroup_type\tname\n1\tC\tcohort\tBlue\n"


@pytest.fixture
def tell(tmp_path):
    def tell_file(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return recognise(path)

    return tell_file


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tracking.log", json.dumps(EVENT)),
        ("events.json", json.dumps(EVENT)),
        ("sample.json", json.dumps(NATIVE, indent=4)),
        ("minimal.json", json.dumps({"name": "x", "timestamp": "x", "data": {}}, indent=4)),
        ("no-suffix", "\n\n" + json.dumps(NATIVE)),
        ("container.txt", "2023-05-23 13:53:13 INFO [tracking] - " + json.dumps(EVENT)),
        ("cut.txt", json.dumps(EVENT)[:60]),
        ("tracking.log", "every line\nis broken"),
        ("tracking.log-20150101-1420070400.gz", "broken"),
        ("org-prod-events-2015-01-01.log.gz", ""),
        ("tracking.log.1", b"\x00\xff"),
        ("events.gz", gzip.compress(json.dumps(EVENT).encode(), mtime=0)),
        ("big.json", json.dumps({**NATIVE, "data": {"text": "x" * 100_000}}, indent=1)),
    ],
)
def test_logs_are_told_by_their_lines_or_else_by_their_name(tell, name, content):
    assert tell(name, content).kind is Kind.LOG


def test_a_log_whose_compression_is_broken_is_a_log(tell):
    whole = gzip.compress(json.dumps(EVENT).encode() * 999)

    assert tell("tracking.log-20150101.gz", whole[:40]).kind is Kind.LOG
    assert tell("notes.gz", whole[:40]).kind is Kind.OTHER


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({BLOCK: {"category": "course", "children": []}}),
        json.dumps({"root": BLOCK, "blocks": {BLOCK: {"type": "course"}}}, indent=2),
        json.dumps({"count": 0, "results": [{"id": "O/C/R", "name": "x"}]}),
        json.dumps({"name": "x", "start": None, "id": "course-v1:O+C+R"}),
        json.dumps({BLOCK: {"category": "course", "metadata": {"x": "y" * 100_000}}}),
    ],
)
def test_structures_are_told_by_their_keys(tell, content):
    assert tell("whatever.json", content).kind is Kind.STRUCTURE


def test_forum_files_are_told_by_the_type_of_their_documents(tell):
    assert tell("posts.json", json.dumps(POST)).kind is Kind.FORUM
    assert tell("posts.json", json.dumps([POST], indent=1)).kind is Kind.FORUM
    assert tell("empty.mongo", "").kind is Kind.FORUM


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("O-C-R-auth_user-prod-analytics.sql", "auth_user"),
        ("O-C-R-auth_userprofile-prod-analytics.sql", "auth_userprofile"),
        ("courseware_studentmodule.tsv", "courseware_studentmodule"),
        (
            "O-C-R-grades_persistentsubsectiongradeoverride-x.sql.gz",
            "grades_persistentsubsectiongradeoverride",
        ),
    ],
)
def test_tables_are_told_by_their_name(tell, name, table):
    found = tell(name, "id\tunheard\n")

    assert (found.kind, found.table) == (Kind.TABLE, table)


def test_tables_are_told_by_their_header_where_the_name_does_not(tell):
    found = tell("export.csv", COHORTS.replace("\t", ","))

    assert (found.kind, found.table) == (Kind.TABLE, "cohort_membership_export")


def test_the_header_wins_over_a_name_that_it_does_not_fit(tell):
    found = tell("O-C-R-course_groups_cohortmembership-prod-analytics.sql", COHORTS)

    assert found.table == "cohort_membership_export"


def test_dumps_are_told_by_their_statements(tell):
    content = "-- MySQL dump\n\nDROP TABLE IF EXISTS `auth_user`;\nINSERT INTO `auth_user` VALUES"

    assert tell("auth_user.sql", content).kind is Kind.DUMP


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("O-prod-events-2015-01-01.log.gz.gpg", b"\x85", "encrypted; decrypt it first"),
        ("package.zip", b"PK\x03\x04", "a zip archive; unpack it first"),
        ("O-C-R-courseware_studentmodulehistory-x.sql", "id\tstate\n", "is not used"),
        ("O-C-R-teams-prod-analytics.sql", "id\tteam_id\tname\n", "a table that is not used"),
        ("O-C-R-auth_user-prod.sql", "", "empty, without a header"),
        ("notes.txt", "\n", "empty"),
        ("README.md", "# Words\n", "holds nothing that is known"),
        ("numbers.json", '{"a": 1}', "holds nothing that is known"),
        ("facts.json", json.dumps({"facts": [EVENT]}), "holds nothing that is known"),
    ],
)
def test_anything_else_is_other_with_its_reason(tell, name, content, reason):
    found = tell(name, content)

    assert found.kind is Kind.OTHER
    assert reason in found.reason
