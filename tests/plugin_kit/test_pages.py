"""Code on the how-to pages is code of the examples, or it is run here."""

from __future__ import annotations

import http.server
import re
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

import courselens.plugin as plugin
import courselens.testing as kit
from courselens.testing import load_dataset
from tests.plugin_kit.environment import ROOT
from tests.plugin_kit.pages import Block, blocks_of

PAGES = sorted((ROOT / "docs" / "plugins").glob("*.md"))
EXAMPLES = ROOT / "examples" / "plugins"
_EXAMPLE = re.compile(r'example="([^"]+)"')


def loader(title: str) -> Any:
    """The dataset that a block of the page declares."""
    (block,) = (one for one in blocks_of(ROOT / "docs/plugins/own-data.md") if one.title == title)
    declared: dict[str, Any] = {}
    exec(compile(block.code, title, "exec"), declared)
    return next(one for one in declared.values() if type(one).__name__ == "OwnDataset")


def shown() -> list[tuple[str, str, Block]]:
    found = []
    for page in PAGES:
        for block in blocks_of(page):
            example = _EXAMPLE.search(block.notes)
            if example:
                found.append((page.name, example.group(1), block))
    return found


def test_what_pages_show_of_the_examples_is_what_the_examples_say():
    assert len(shown()) > 8
    for page, example, block in shown():
        text = (EXAMPLES / example).read_text(encoding="utf-8")
        assert block.code in text, f"{page}: {example}\n{block.code}"


def test_every_piece_of_python_is_an_example_a_step_or_run_here():
    for page in PAGES:
        for block in blocks_of(page):
            if block.language == "python":
                assert block.notes, f"{page.name}: {block.code[:80]}"


def test_every_link_leads_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_reference_has_every_name_and_a_word_about_each():
    page = (ROOT / "docs/plugins/reference.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")]
    for name in {*plugin.__all__, *kit.__all__}:
        assert f"`{name}`" in page or f"`@{name}`" in page, name
    for row in rows:
        assert row[-1].removesuffix("|").strip(), row
    for method in (name for name in vars(kit.Steps) if not name.startswith("_")):
        assert f"| `{method}(" in page
    assert {f"| `{check.__name__}`" for check in kit.CHECKS} <= {row[0] for row in rows}


def test_a_database_is_read(tmp_path: Path):
    file = tmp_path / "sis.db"
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("CREATE TABLE student (login TEXT, major TEXT)")
        connection.execute("INSERT INTO student VALUES ('ana', 'physics'), ('ben', NULL)")
    connection.close()
    assert load_dataset(loader("sql"), database=file).to_pylist() == [
        {"username": "ana", "major": "physics"},
        {"username": "ben", "major": None},
    ]


class _Library(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.headers["Authorization"] == "Bearer secret-token"
        self.send_response(200 if known else 401)
        self.end_headers()
        if known:
            self.wfile.write(b'[{"username": "ana", "loans": 3, "title": "..."}]')

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def library() -> Any:
    with http.server.HTTPServer(("127.0.0.1", 0), _Library) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/loans"
        server.shutdown()
        thread.join()


def test_a_web_service_is_read(library: str):
    found = load_dataset(loader("rest"), url=library, token="secret-token")
    assert found.to_pylist() == [{"username": "ana", "loans": 3}]
