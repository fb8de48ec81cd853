"""What is said of clients names files, scripts and settings that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from courselens.settings import Settings

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PAGES = [
    ROOT / "docs" / "clients.md",
    *(EXAMPLES / name / "README.md" for name in ("typescript", "python", "mobile")),
]
OF_THE_EXAMPLES = {"COURSELENS_URL", "COURSELENS_TOKEN", "COURSELENS_COURSE"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_settings_of_the_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []
    known = {f"COURSELENS_{name.upper()}" for name in Settings.model_fields} | OF_THE_EXAMPLES
    assert set(re.findall(r"COURSELENS_[A-Z_]+", text)) <= known


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.parent.name)
def test_files_that_the_examples_list_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`[^|]+) \|", text, flags=re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    assert len(named) >= 3
    assert [name for name in named if not (page.parent / name).exists()] == []


def test_every_npm_script_that_is_named_is_one() -> None:
    scripts = json.loads((EXAMPLES / "typescript" / "package.json").read_text())["scripts"]
    for page in [*PAGES, ROOT / "README.md"]:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"npm run (\w+)", text)) <= set(scripts), page


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((EXAMPLES / "typescript" / "package-lock.json").read_text())
    packages = [one for path, one in lock["packages"].items() if path]
    assert packages
    assert [one for one in packages if "resolved" in one or "integrity" not in one] == []
