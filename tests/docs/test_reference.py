"""Pages that follow from the code are fresh, and the README is true word for word."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from courselens.demo.running import sample_query

ROOT = Path(__file__).parents[2]


def _pages() -> dict[str, str]:
    path = ROOT / "docs" / "generate.py"
    spec = importlib.util.spec_from_file_location("docs_generate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages: dict[str, str] = module.pages()
    return pages


@pytest.mark.parametrize(
    "name",
    [
        "settings.md",
        "indicators.md",
        "commands.md",
        "access.md",
        "errors.md",
        "schema.md",
        "../plugins/reference.md",
    ],
)
def test_generated_page_is_fresh(name):
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == _pages()[name], "run `make docs`"


def test_the_readme_shows_the_query_that_the_demo_asks():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (query,) = re.findall(r"```graphql\n(.*?)```", readme, flags=re.DOTALL)
    assert query == sample_query()


def test_every_link_of_the_readme_leads_somewhere():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_decision_has_its_own_number():
    numbers = [path.name[:4] for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    assert len(numbers) == len(set(numbers))
