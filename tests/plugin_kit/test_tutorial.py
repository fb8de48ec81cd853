"""The tutorial, done from its first line to its last in an empty folder."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.plugin_kit.environment import ROOT, Environment
from tests.plugin_kit.pages import Reader, blocks_of

PAGE = ROOT / "docs" / "plugins" / "tutorial.md"


@pytest.mark.slow
def test_every_step_of_the_tutorial_does_what_it_shows(environment: Environment, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reader = Reader(tmp_path, environment.variables(port=port), port=port)
    try:
        for block in blocks_of(PAGE):
            reader.do(block)
    finally:
        reader.leave()
        environment.pip("uninstall", "--yes", "acme-reading")


def test_the_tutorial_has_something_to_do():
    languages = [block.language for block in blocks_of(PAGE)]
    assert languages.count("console") >= 6
    assert languages.count("python") == 2
