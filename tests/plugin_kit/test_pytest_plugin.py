"""What courselens adds to every pytest run of an environment, and what it must not do there."""

from __future__ import annotations

from pathlib import Path

from tests.plugin_kit.environment import Environment

GOLDEN = """
def test_rows(golden_rows):
    golden_rows({"table": [{"day": "monday", "learners": NUMBER}]})
"""


def test_a_run_that_has_nothing_to_do_with_courselens_imports_nothing_of_it(
    environment: Environment, tmp_path: Path
):
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_nothing_was_imported(request):\n"
        "    names = {name.split('.')[0] for name in sys.modules}\n"
        "    assert names.isdisjoint({'pyarrow', 'ibis', 'duckdb', 'strawberry', 'numpy'})\n"
        "    assert {n for n in sys.modules if n.startswith('courselens.')} == "
        "{'courselens.pytest_plugin'}\n"
    )
    printed = environment.run(environment.bin / "pytest", "-q", "-W", "error", cwd=tmp_path)
    assert "1 passed" in printed


def test_another_plugin_may_have_the_same_switch(environment: Environment, tmp_path: Path):
    (tmp_path / "other.py").write_text(
        "def pytest_addoption(parser):\n"
        "    parser.addoption('--update-goldens', action='store_true')\n"
    )
    (tmp_path / "test_rows.py").write_text(GOLDEN.replace("NUMBER", "1"))
    options = ("-q", "-p", "other", "--update-goldens", "-o", "pythonpath=.")
    printed = environment.run(environment.bin / "python", "-m", "pytest", *options, cwd=tmp_path)
    assert "1 passed" in printed
    assert (tmp_path / "goldens" / "test_rows.test_rows.json").exists()


def test_golden_files_are_written_only_when_asked(environment: Environment, tmp_path: Path):
    (tmp_path / "test_days.py").write_text(GOLDEN.replace("NUMBER", "3"))
    printed = environment.run(environment.bin / "pytest", "-q", cwd=tmp_path, fails=True)
    assert "run `pytest --update-goldens` if they are right" in printed
    environment.run(environment.bin / "pytest", "-q", "--update-goldens", cwd=tmp_path)
    file = tmp_path / "goldens" / "test_days.test_rows.json"
    assert file.read_text() == '{\n"table": [\n{"day":"monday","learners":3}\n]\n}\n'
