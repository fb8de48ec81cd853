"""`courselens indicators new`: a whole package, or a line that says what to do instead."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from courselens.cli.new import template_folder


def test_the_package_is_called_as_asked_everywhere(run, tmp_path: Path):
    done = run("indicators", "new", "acme-forum-2", "--into", tmp_path)
    assert done.code == 0
    folder = tmp_path / "acme-forum-2"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {
        "pyproject.toml",
        "README.md",
        ".github/workflows/test.yml",
        "src/acme_forum_2/__init__.py",
        "src/acme_forum_2/weekend_share.py",
        "src/acme_forum_2/problems_tried.py",
        "tests/test_weekend_share.py",
        "tests/test_problems_tried.py",
    } <= files
    for name in files:
        text = (folder / name).read_text(encoding="utf-8")
        assert "my_indicators" not in name + text
        assert "my-indicators" not in name + text
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    points = project["project"]["entry-points"]["courselens.indicators.v1"]
    assert points["acme_forum_2_weekend_share"] == "acme_forum_2.weekend_share:weekend_share"
    assert {path.name for path in tmp_path.iterdir()} == {"acme-forum-2"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Acme_Forum", "such as acme-forum"),
        ("1-forum", "such as forum"),
        ("a" * 31, "30 at most"),
        ("../forum", "is no usable name"),
        ("json", "there is a module json here already"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(run, tmp_path: Path, name: str, told: str):
    done = run("indicators", "new", name, "--into", tmp_path)
    assert done.code == 2
    assert told in " ".join(done.err.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_written_over(run, tmp_path: Path):
    (tmp_path / "acme-forum").mkdir()
    assert run("indicators", "new", "acme-forum", "--into", tmp_path).code == 2
    assert list((tmp_path / "acme-forum").iterdir()) == []
    assert run("indicators", "new", "acme-forum", "--into", tmp_path / "none").code == 2


def test_the_template_names_what_it_declares():
    project = tomllib.loads((template_folder() / "pyproject.toml").read_text(encoding="utf-8"))
    readme = (template_folder() / "README.md").read_text(encoding="utf-8")
    for key in project["project"]["entry-points"]["courselens.indicators.v1"]:
        assert f"`{key}`" in readme
