"""Copies of tables: whole or not at all, by course, and the facts they give."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from courselens.computing import input_digest
from courselens.errors import LakeError, LeaseLost
from courselens.sources import load_installation
from loaders.datasets import DATASETS
from loaders.events.lake import Lake
from loaders.manifests import locked
from workers.facts import KeptFacts
from workers.snapshot import UNFINISHED, Snapshot, writing

A, B = "course-v1:A+A+A", "course-v1:B+B+B"


def enrollments(*rows: tuple[str | None, int]) -> pa.Table:
    blank = dict.fromkeys(DATASETS["enrollments"].schema.names)
    return pa.Table.from_pylist(
        [{**blank, "course_key": course, "user_id": user} for course, user in rows],
        schema=DATASETS["enrollments"].schema,
    )


def write(path: Path, table: pa.Table, *, state: str = "s", commit=lambda: None) -> None:
    with writing(path, loaded_us=7, before_commit=commit) as writer:
        writer.replace("enrollments", table)
        writer.commit(state)


def files(path: Path) -> list[Path]:
    return sorted(path.glob("*/*.arrow"))


def users(path: Path, course_key: str) -> list[int] | None:
    found = Snapshot(path).rows("enrollments", course_key)
    return found[0].column("user_id").to_pylist() if found else None


def test_rows_are_kept_by_course_in_their_order(tmp_path):
    write(tmp_path, enrollments((B, 1), (A, 3), (None, 9), (B, 2)))
    assert (users(tmp_path, A), users(tmp_path, B)) == ([3], [1, 2])
    assert users(tmp_path, "course-v1:C+C+C") is None
    assert Snapshot(tmp_path).course_keys == {A, B}
    assert Snapshot(tmp_path).manifest.loaded_us == 7


def test_a_copy_that_may_not_commit_leaves_the_old_one(tmp_path):
    write(tmp_path, enrollments((A, 1)))

    def refuse() -> None:
        raise LeaseLost(1)

    with pytest.raises(LeaseLost):
        write(tmp_path, enrollments((A, 2)), state="t", commit=refuse)
    assert users(tmp_path, A) == [1]
    assert Snapshot(tmp_path).manifest.state == "s"
    write(tmp_path, enrollments((A, 2)), state="t")
    assert users(tmp_path, A) == [2]
    assert len(files(tmp_path)) == 2  # whoever reads the old one may finish
    write(tmp_path, enrollments((A, 2)), state="u")
    assert len(files(tmp_path)) == 1


def test_courses_that_did_not_change_keep_their_file(tmp_path):
    write(tmp_path, enrollments((A, 1), (B, 2)))
    before = files(tmp_path)
    write(tmp_path, enrollments((A, 1), (B, 3)), state="t")
    assert [kept for kept in files(tmp_path) if kept in before] == before
    assert len(files(tmp_path)) == 3
    assert (users(tmp_path, A), users(tmp_path, B)) == ([1], [3])
    assert Snapshot(tmp_path).manifest.state == "t"


def test_what_was_written_without_a_commit_is_not_seen_and_swept_later(tmp_path):
    write(tmp_path, enrollments((A, 1)))
    before = files(tmp_path)
    with writing(tmp_path, loaded_us=8) as writer:
        writer.put("enrollments", enrollments((B, 2)), B)
        writer.forget(A)
    assert len(files(tmp_path)) == 2
    assert (users(tmp_path, A), users(tmp_path, B)) == ([1], None)
    write(tmp_path, enrollments((A, 1)))
    assert files(tmp_path) == before


def test_a_checkpoint_is_visible_and_says_that_it_is_not_the_end(tmp_path):
    with writing(tmp_path, loaded_us=7) as writer:
        writer.put("enrollments", enrollments((A, 1)), A)
        writer.memory = {"cursor": 5}
        writer.checkpoint()
        assert Snapshot(tmp_path).manifest.state is None
        writer.put("enrollments", enrollments((B, 2)), B)
        assert (users(tmp_path, A), users(tmp_path, B)) == ([1], None)
        writer.commit("s")
    with writing(tmp_path, loaded_us=8) as writer:
        assert writer.memory == {"cursor": 5}
        writer.put("enrollments", enrollments(), A)
        writer.checkpoint()
    assert Snapshot(tmp_path).manifest.state == UNFINISHED
    assert Snapshot(tmp_path).course_keys == {B}


def test_two_processes_cannot_write_at_once(tmp_path):
    with locked(tmp_path), pytest.raises(LakeError, match="is being written"):
        write(tmp_path, enrollments((A, 1)))


def test_a_damaged_manifest_names_itself_and_the_fix(tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(LakeError, match="Delete its folder"):
        Snapshot(tmp_path)


def test_kept_facts_are_those_of_the_files_to_the_digest(tmp_path, source):
    folder, course = source
    lake = Lake(tmp_path / "lake")
    installation, _ = load_installation([folder], lake, now_us=5, memory_limit="500MB")
    tables = installation.loaded.tables
    path = tmp_path / "tables" / "files"
    with writing(path, loaded_us=5) as writer:
        for name, table in tables.items():
            writer.replace(name, table)
        writer.commit("s")
    facts = KeptFacts.open(tmp_path / "tables", ["files"], lake)
    key = course.course_key
    assert facts.course_keys == installation.course_keys == [key]
    assert facts.digest(key) == installation.digest(key)
    assert input_digest(facts, key, 10**15) == input_digest(installation, key, 10**15)
    kept, loaded = facts.course(key), installation.course(key)
    assert {name: table.num_rows for name, table in kept.tables.items()} == {
        name: table.num_rows for name, table in loaded.tables.items()
    }
    assert kept.tables["course_roles"].equals(loaded.tables["course_roles"])
    assert kept.state_as_of_us == loaded.state_as_of_us == 5


def test_of_two_sources_that_know_a_course_the_first_counts(tmp_path):
    write(tmp_path / "one", enrollments((A, 1)))
    write(tmp_path / "two", enrollments((A, 2), (B, 3)))
    facts = KeptFacts.open(tmp_path, ["one", "two", "three"], Lake(tmp_path / "lake"))
    assert facts.course_keys == [A, B]
    assert [
        facts.course(key).tables["enrollments"].column("user_id").to_pylist() for key in (A, B)
    ] == [[1], [3]]
    whole = facts.whole("enrollments")
    assert whole is not None
    assert whole.column("user_id").to_pylist() == [1, 3]
    assert facts.whole("blocks") is None
    shutil.rmtree(tmp_path / "one")
