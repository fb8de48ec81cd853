from __future__ import annotations

import io
import tarfile

import pytest

from courselens.errors import SourceNotFound
from loaders.files.detect import Kind
from loaders.files.find import find_files

COURSE = '<course url_name="Run" org="Org" course="Course"/>'


@pytest.fixture
def folder(tmp_path):
    def make(files):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return tmp_path

    return make


def names(found, root):
    return {
        each.path.relative_to(root).as_posix(): each.kind
        for each in found.files
    }  # fmt: skip


def test_folders_are_searched_with_all_below_them(folder):
    root = folder({"a/b/tracking.log": "", "x/auth_user.sql": "id\n", "x/notes.txt": "words"})

    assert names(find_files([root]), root) == {
        "a/b/tracking.log": Kind.LOG,
        "x/auth_user.sql": Kind.TABLE,
        "x/notes.txt": Kind.OTHER,
    }


def test_the_files_of_an_export_belong_to_it_and_its_neighbours_do_not(folder):
    root = folder(
        {
            "export/course.xml": COURSE,
            "export/course/Run.xml": "<course/>",
            # A run may be named `course`: this is no second export.
            "export/course/course.xml": COURSE,
            "export/html/h.html": "<p/>",
            "export/static/data.json": '{"event_type": "x"}',
            "export/policies/Run/policy.json": "{}",
            "export/tracking.log": "",
            "other.txt": "words",
        }
    )

    found = find_files([root])
    assert found.exports == (root / "export",)
    assert names(found, root) == {"export/tracking.log": Kind.LOG, "other.txt": Kind.OTHER}


def test_a_course_xml_stands_for_its_folder(folder):
    root = folder({"course.xml": COURSE})

    assert find_files([root / "course.xml"]).exports == (root,)


def test_an_archive_is_an_export_if_it_holds_a_course(folder):
    root = folder({})
    for name, member in [("course.tar.gz", "course/course.xml"), ("other.tgz", "a.txt")]:
        with tarfile.open(root / name, "w:gz") as archive:
            info = tarfile.TarInfo(member)
            info.size = len(COURSE)
            archive.addfile(info, io.BytesIO(COURSE.encode()))

    found = find_files([root])
    assert found.exports == (root / "course.tar.gz",)
    assert [(each.path.name, each.reason) for each in found.files] == [
        ("other.tgz", "an archive without a course export; unpack it")
    ]


def test_an_archive_that_is_cut_short_is_no_export(folder):
    root = folder({"tracking.log": ""})
    (root / "course.tar").write_bytes(b"\0" * 257 + b"ustar" + b"\1" * 250)

    (found,) = [each for each in find_files([root]).files if each.kind is Kind.OTHER]
    assert found.reason.startswith("not a readable tar archive")


def test_a_file_that_is_reached_twice_is_found_once(folder):
    root = folder({"tracking.log": ""})

    assert len(find_files([root, root / "tracking.log"]).files) == 1


def test_hidden_files_are_passed_over(folder):
    root = folder({"tracking.log": "", ".git/x.log": "", ".hidden.log": "", "__MACOSX/y.log": ""})

    assert list(names(find_files([root]), root)) == ["tracking.log"]


def test_a_missing_path_is_refused_even_beside_a_good_one(folder):
    root = folder({"tracking.log": ""})

    with pytest.raises(SourceNotFound, match="there is no such file or folder"):
        find_files([root, root / "absent"])


def test_an_empty_folder_is_refused_with_what_was_expected(folder):
    with pytest.raises(SourceNotFound, match=r"no files in it; expected tracking logs, course exp"):
        find_files([folder({})])


def test_a_folder_with_nothing_known_is_refused_with_the_reasons(folder):
    root = folder({f"{n}.txt": "words" for n in range(5)})

    with pytest.raises(SourceNotFound, match=r"0.txt: holds nothing that is known; .* and 2 more"):
        find_files([root])
