from __future__ import annotations

import gzip
import json

import pytest

from loaders.datasets import DATASETS
from loaders.files.source import DatasetReport, open_source

ENROLLMENT = "id\tuser_id\tcourse_id\tcreated\tis_active\tmode\n"
STATE = (
    "id\tmodule_type\tmodule_id\tstudent_id\tstate\tgrade\tcreated\tmodified\tmax_grade\tdone\t"
    "course_id\n"
)
NEW = "course-v1:Org+Course+Run"
BLOCK = "block-v1:Org+Course+Run+type@"
EXPORT = {
    "export/course.xml": '<course url_name="Run" org="Org" course="Course"/>',
    "export/course/Run.xml": '<course display_name="Export"><chapter url_name="c"/></course>',
    "export/chapter/c.xml": "<chapter/>",
}


@pytest.fixture
def load(tmp_path):
    def load_files(files, **options):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return open_source([tmp_path]).load(**options)

    return load_files


def structure(course="Course", *, root=True):
    prefix = f"block-v1:Org+{course}+Run+type@"
    blocks = {f"{prefix}chapter+block@x": {"category": "chapter", "metadata": {}}}
    if root:
        blocks[f"{prefix}course+block@course"] = {
            "category": "course",
            "children": [f"{prefix}chapter+block@x"],
            "metadata": {"display_name": "Structure"},
        }
    return json.dumps(blocks)


def test_logs_and_other_files_are_listed_and_not_loaded(tmp_path):
    for name in ("b.log", "a.log", "notes.txt"):
        (tmp_path / name).write_text("words")

    source = open_source([tmp_path])
    assert [path.name for path in source.log_files] == ["a.log", "b.log"]
    assert [path.name for path in source.other_files] == ["notes.txt"]
    assert source.load().tables == {}


def test_tables_have_exactly_the_schemas_of_the_datasets(load):
    loaded = load(
        {
            **EXPORT,
            "student_courseenrollment.sql": ENROLLMENT + f"1\t5\t{NEW}\tNULL\t1\taudit\n",
            "courseware_studentmodule.sql": STATE,
        }
    )

    assert list(loaded.tables) == [
        "courses", "blocks", "block_access", "enrollments", "module_states",
    ]  # fmt: skip
    for name, table in loaded.tables.items():
        assert table.schema == DATASETS[name].schema


def test_two_files_of_one_table_are_one_dataset_in_which_the_later_row_wins(load):
    loaded = load(
        {
            "1/student_courseenrollment.sql": ENROLLMENT
            + f"1\t5\t{NEW}\tNULL\t1\taudit\n2\t6\t{NEW}\tNULL\t1\taudit\n",
            "2/student_courseenrollment.sql": ENROLLMENT + "7\t5\tA/B/C\tNULL\t0\thonor\n"
            f"1\t5\t{NEW}\tNULL\t0\tverified\n",
        }
    )

    rows = loaded.tables["enrollments"].to_pylist()
    assert [(row["course_key"], row["user_id"], row["mode"]) for row in rows] == [
        (NEW, 6, "audit"),
        ("A/B/C", 5, "honor"),
        (NEW, 5, "verified"),
    ]


def test_the_report_says_what_was_read_and_rejected(load):
    loaded = load(
        {
            "student_courseenrollment.sql": ENROLLMENT
            + f"1\t5\t{NEW}\t1970-01-01 00:00:01\t1\taudit\n"
            + f"2\t6\t{NEW}\t1970-01-01 00:00:09\t1\taudit\n"
            + f"2\t6\t{NEW}\t1970-01-01 00:00:09\t1\taudit\n"
            + f"3\tx\t{NEW}\tNULL\t1\taudit\n3\n",
        }
    )

    # Five lines: two are rejected, one repeats the key of another.
    assert loaded.reports == (
        DatasetReport(
            dataset="enrollments",
            files=1,
            lines=5,
            rows=2,
            rejects=2,
            first_us=1_000_000,
            last_us=9_000_000,
            course_keys=(NEW,),
        ),
    )
    assert [problem.line for problem in loaded.problems] == [5, 6]


def test_an_export_wins_over_a_structure_and_the_loser_is_named(load, tmp_path):
    loaded = load({**EXPORT, "structure.json": structure()})

    assert loaded.tables["courses"]["display_name"].to_pylist() == ["Export"]
    assert loaded.tables["blocks"]["block_key"].to_pylist() == [
        f"{BLOCK}course+block@course",
        f"{BLOCK}chapter+block@c",
    ]
    (problem,) = loaded.problems
    assert problem.path == str(tmp_path / "structure.json")
    assert problem.reason == f"{NEW} is also described by {tmp_path / 'export'}, which was taken"


def test_a_structure_without_its_root_does_not_replace_a_whole_one(load):
    loaded = load({"1.json": structure(), "2.json": structure(root=False)})

    assert loaded.tables["blocks"].num_rows == 2
    assert [problem.path[-6:] for problem in loaded.problems] == ["2.json"]


def test_several_courses_are_loaded_together(load):
    loaded = load({"1.json": structure("One"), "2.json": structure("Two")})

    assert loaded.tables["courses"]["course_key"].to_pylist() == [
        "course-v1:Org+One+Run",
        "course-v1:Org+Two+Run",
    ]
    assert loaded.tables["blocks"].num_rows == 4
    assert loaded.problems == ()


def test_an_export_takes_old_keys_where_the_tables_use_them(load):
    loaded = load(
        {
            **EXPORT,
            "student_courseenrollment.sql": ENROLLMENT + "1\t5\tOrg/Course/Run\tNULL\t1\taudit\n",
        }
    )

    assert loaded.tables["blocks"]["block_key"].to_pylist() == [
        "i4x://Org/Course/course/Run",
        "i4x://Org/Course/chapter/c",
    ]


def test_the_overview_fills_what_the_structure_leaves_open(load):
    overview = "id\torg\tdisplay_name\tstart\tcreated\tlowest_passing_grade\tself_paced\n"
    loaded = load(
        {
            **EXPORT,
            "course_overviews_courseoverview.sql": overview
            + f"{NEW}\tOrg\tOverview\t1970-01-01 00:00:01\t1970-01-01 00:00:02\t0.6\t1\n"
            + "A/B/C\t\tOther\tNULL\tNULL\tNULL\tNULL\n",
        }
    )

    names = ["course_key", "display_name", "start_us", "created_us", "lowest_passing_grade"]
    assert loaded.tables["courses"].select(names).to_pylist() == [
        dict(zip(names, [NEW, "Export", 1_000_000, 2_000_000, 0.6], strict=True)),
        dict(zip(names, ["A/B/C", "Other", None, None, None], strict=True)),
    ]


def test_a_file_that_is_broken_as_a_whole_does_not_spoil_its_neighbours(load):
    loaded = load(
        {
            "auth_user.sql": "id\tusername\n1\ta\n",
            "student_courseenrollment.sql": "id\tmode\n1\taudit\n",
            "forum.mongo": '[{"_type": "Comment"},\n',
            "structure.json": structure()[:-5],
        }
    )

    assert list(loaded.tables) == ["profiles"]
    assert {problem.path.rsplit("/", 1)[1] for problem in loaded.problems} == {
        "auth_user.sql",
        "student_courseenrollment.sql",
        "forum.mongo",
        "structure.json",
    }


def test_a_compressed_table_that_is_cut_short_is_left_out(load, tmp_path):
    lines = "".join(f"{n}\t{n * n * 7919}\t{NEW}\tNULL\t1\taudit\n" for n in range(50_000))
    packed = gzip.compress((ENROLLMENT + lines).encode())
    (tmp_path / "student_courseenrollment.sql.gz").write_bytes(packed[: len(packed) // 2])
    loaded = load({"auth_user.sql": "id\n1\n"})

    assert list(loaded.tables) == ["profiles"]
    assert any("cannot be split into rows" in problem.reason for problem in loaded.problems)


def test_a_dump_without_used_tables_says_so(load):
    loaded = load({"dump.sql": "CREATE TABLE `x` (`id` int);\nINSERT INTO `x` VALUES (1);\n"})

    assert [problem.reason for problem in loaded.problems] == [
        "the dump has none of the tables that are used"
    ]


def test_nothing_that_names_or_addresses_people_is_loaded(load):
    loaded = load(
        {
            "auth_user.sql": "id\tusername\temail\tfirst_name\n1\tnick\tmail@example.com\tFirst\n",
            "auth_userprofile.sql": "id\tuser_id\tname\tbio\n1\t1\tFull Name\tLife\n",
        }
    )

    text = str([table.to_pylist() for table in loaded.tables.values()])
    assert "nick" in text
    assert not any(word in text for word in ("example", "First", "Full", "Life"))


def test_progress_grows_to_the_end(load):
    told = []
    load(
        {"1.json": structure(), "student_courseenrollment.sql": ENROLLMENT + "\n" * 9},
        progress=lambda name, done, total: told.append((name, done, total)),
    )

    done = [each[1] for each in told]
    assert done == sorted(done)
    assert told[-1][1] == told[-1][2]
    assert {each[0] for each in told} == {"1.json", "student_courseenrollment.sql"}
