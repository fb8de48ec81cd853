"""Looking at files again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.source_files import SourceFiles

LINE = '{"event_type": "page_close", "event_source": "browser", "context": {}, "time": "x"}\n'
TABLE = "id\tuser_id\tcourse_id\tcreated\tis_active\tmode\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tracking.log").write_text(LINE)
    (tmp_path / "Org-X-R-student_courseenrollment-prod-analytics.sql").write_text(TABLE)
    return tmp_path


def test_a_log_that_grows_changes_the_logs_alone(folder):
    files = SourceFiles([folder])
    before = files.look()
    (folder / "tracking.log").write_text(LINE * 2)
    after = files.look()
    assert list(before.logs) == [folder / "tracking.log"]
    assert after.logs != before.logs
    assert after.tables_state == before.tables_state


def test_a_log_that_is_rotated_is_two_logs(folder):
    files = SourceFiles([folder])
    files.look()
    (folder / "tracking.log").rename(folder / "tracking.log.1")
    (folder / "tracking.log").write_text(LINE)
    assert sorted(path.name for path in files.look().logs) == ["tracking.log", "tracking.log.1"]


def test_a_table_that_changes_changes_the_state_of_the_tables_alone(folder):
    files = SourceFiles([folder])
    before = files.look()
    table = folder / "Org-X-R-student_courseenrollment-prod-analytics.sql"
    table.write_text(TABLE + "1\t1\tcourse-v1:Org+X+R\t2024-03-04T00:00:00\t1\taudit\n")
    after = files.look()
    assert after.logs == before.logs
    assert after.tables_state != before.tables_state


def test_what_is_not_there_holds_nothing(tmp_path):
    assert SourceFiles([tmp_path / "absent"]).look().logs == {}
    assert SourceFiles([tmp_path]).look().logs == {}
