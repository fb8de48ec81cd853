from __future__ import annotations

import io
import tarfile

import pytest

from courselens.errors import SourceMalformed
from loaders.files import course_files
from loaders.files.course_files import FolderFiles, holds_course, read_archive


def make_archive(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/hostname"
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


def test_xml_and_json_of_the_course_are_read_by_their_path_in_it(tmp_path):
    archive = make_archive(
        tmp_path / "c.tar.gz",
        {
            "./course/course.xml": b"<course/>",
            "./course/policies/Run/policy.json": b"{}",
            "./course/static/film.mp4": b"0" * 99,
            "./elsewhere.xml": b"<x/>",
        },
    )

    assert holds_course(archive)
    assert read_archive(archive) == {"course.xml": b"<course/>", "policies/Run/policy.json": b"{}"}


def test_links_and_names_outside_the_archive_are_not_read(tmp_path):
    archive = make_archive(
        tmp_path / "c.tar",
        {"course.xml": b"<course/>", "../../html/x.xml": b"<html/>", "html/y.xml": None},
        mode="w",
    )

    assert read_archive(archive) == {"course.xml": b"<course/>"}


def test_an_archive_without_a_course_is_none(tmp_path):
    archive = make_archive(tmp_path / "c.tar.gz", {"a.json": b"{}"})

    assert not holds_course(archive)
    assert read_archive(archive) is None


def test_an_archive_cut_short_is_malformed(tmp_path):
    whole = make_archive(tmp_path / "c.tar.gz", {"course.xml": bytes(range(256)) * 999})
    cut = tmp_path / "cut.tar.gz"
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) // 2])

    with pytest.raises(SourceMalformed, match="not a readable tar archive"):
        read_archive(cut)


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_FILE_BYTES", 5), ("MAX_ARCHIVE_BYTES", 5), ("MAX_MEMBERS", 1)]
)
def test_an_archive_beyond_a_limit_is_malformed(tmp_path, monkeypatch, limit, value):
    archive = make_archive(tmp_path / "c.tar.gz", {"course.xml": b"<course/>", "a.xml": b"<a/>"})
    monkeypatch.setattr(course_files, limit, value)

    with pytest.raises(SourceMalformed, match="too large"):
        read_archive(archive)


def test_nothing_outside_a_folder_is_read(tmp_path):
    root = tmp_path / "course"
    root.mkdir()
    (tmp_path / "secret.xml").write_text("<x/>")
    (root / "course.xml").write_text("<course/>")
    (root / "link.xml").symlink_to(tmp_path / "secret.xml")
    files = FolderFiles(root)

    assert files.get("course.xml") == b"<course/>"
    assert files.get("../secret.xml") is None
    assert files.get("link.xml") is None
    assert files.get("absent.xml") is None
    assert files.get("bad\0name") is None
