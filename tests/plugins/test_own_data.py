"""A plugin's own dataset, from the operator's setting to numbers, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from courselens.computing import Limits, compute_course
from courselens.errors import SourceRefused
from courselens.installed import look_at_installed, open_apart
from courselens.own_data import load_all_own, load_own, missing_settings
from courselens.settings import Settings
from courselens.sources import rows_of_course
from courselens.testing import worked_example
from indicators.apart.apart import Apart
from indicators.context import Times
from indicators.registry import Registry
from indicators.result import Result
from loaders.events.lake import Lake
from tests.plugins.conftest import on_path
from workers.facts import KeptFacts
from workers.own_tables import OwnTables, gone_copies
from workers.source_files import SourceFiles
from workers.table_sync import copy_tables

COURSE = "course-v1:Org+Course+Run"
VARIABLE = "COURSELENS_PLUGIN_ACME_GRANTS_FILE"
GRANTS = f"""course_key,user_id,fund,euros,remark
{COURSE},1,State,900,x
{COURSE},1,Acme,,x
{COURSE},1,Acme,200.5,x
course-v1:Other+C+R,1,State,5,x
"""


@pytest.fixture(scope="module")
def registry(plugin_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    settings = Settings(home=tmp_path_factory.mktemp("home"), plugins=("acme-grants",))
    with on_path(plugin_site):
        yield look_at_installed(settings).registry


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    with open_apart(Settings()) as apart:
        yield apart


@pytest.fixture
def grants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "grants.csv"
    file.write_text(GRANTS)
    monkeypatch.setenv(VARIABLE, str(file))
    return file


def compute(registry: Registry, apart: Apart, folder: Path, **tables: pa.Table) -> Result:
    data = worked_example().data(folder)
    data = type(data)(COURSE, {**data.tables, **tables}, data.event_files, data.coverage)
    (result,) = compute_course(
        registry,
        ["acme_granted"],
        data,
        times=Times(now_us=4_102_444_800_000_000),
        limits=Limits("512MB", 1),
        apart=apart,
    ).results
    return result


def test_rows_are_loaded_typed_and_computed(registry, apart, grants, tmp_path):
    settings = Settings(home=tmp_path)
    found = load_all_own(registry, [COURSE], settings, apart)["acme_grants"]
    assert found.to_pylist() == [
        {"course_key": COURSE, "user_id": 1, "fund": "State", "euros": 900.0},
        {"course_key": COURSE, "user_id": 1, "fund": "Acme", "euros": 200.5},
        {"course_key": "course-v1:Other+C+R", "user_id": 1, "fund": "State", "euros": 5.0},
    ]
    result = compute(registry, apart, tmp_path, acme_grants=rows_of_course(found, COURSE))
    assert result.envelope.error is None
    assert result.student["values"].to_pylist() == [
        {"user_id": 1, "euros": 1100.5, "size": "large"}
    ]
    assert [row["fund"] for row in result.student["grants"].to_pylist()] == ["Acme", "State"]
    assert json.loads(registry.chart("acme_granted") or "")["data"] == {"name": "grants"}


def test_without_its_setting_the_value_is_null_and_names_the_dataset(registry, apart, tmp_path):
    settings = Settings(home=tmp_path)
    assert missing_settings(registry.own_datasets["acme_grants"], settings) == [VARIABLE]
    assert load_all_own(registry, [COURSE], settings, apart) == {}
    result = compute(registry, apart, tmp_path)
    assert result.envelope.missing_source == ("acme_grants",)
    assert result.student["values"].to_pylist() == [{"user_id": 1, "euros": None, "size": None}]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (GRANTS.replace(",900,", ",canary-much,"), "column euros that is no float"),
        (GRANTS.replace("fund,", "payer,"), "gave no column fund"),
        (GRANTS.replace(f"{COURSE},1,State", f"{COURSE},,State"), "rows without user_id"),
        (None, "its loader failed: FileNotFoundError in acme_grants, line"),
    ],
)
def test_a_loader_that_goes_wrong_says_what_and_quotes_nothing(
    registry, apart, grants, tmp_path, content, expected
):
    grants.unlink() if content is None else grants.write_text(content)
    own, settings = registry.own_datasets["acme_grants"], Settings(home=tmp_path)
    with pytest.raises(SourceRefused, match=f"acme_grants: acme-grants: .*{expected}") as refused:
        load_own(registry, own, [COURSE], settings, apart)
    assert "canary" not in str(refused.value)
    assert str(grants) not in str(refused.value)


def test_its_copy_is_kept_while_it_cannot_be_loaded(registry, grants, tmp_path):
    settings = Settings(home=tmp_path / "home")
    sync = OwnTables(registry.own_datasets["acme_grants"], settings, registry)
    path, look = settings.tables_path / sync.name, SourceFiles(()).look()
    day_us = 86_400_000_000

    def copy(now_us: int) -> bool:
        return copy_tables(sync, path, look, now_us=now_us, progress=lambda *_: None)

    def euros() -> list[float]:
        facts = KeptFacts.open(settings.tables_path, [sync.name], Lake(settings.lake_path))
        return facts.course(COURSE).tables["acme_grants"].column("euros").to_pylist()

    assert copy(day_us)
    assert euros() == [900.0, 200.5]
    assert sync.state(look, day_us) == sync.state(look, day_us + 1) != sync.state(look, 2 * day_us)
    grants.unlink()
    with pytest.raises(SourceRefused):
        copy(2 * day_us)
    assert euros() == [900.0, 200.5]
    assert gone_copies(settings, registry, ()) == []
    nobody = Registry([])
    assert gone_copies(settings, nobody, ["acme-grants"]) == []
    assert gone_copies(settings, nobody, []) == [path]
