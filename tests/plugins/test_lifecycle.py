"""A plugin from its installation to its removal, by the commands that an operator runs."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aggregates.store import Store
from aggregates.switched_off import note_off
from indicators.registry import Registry
from tests.commands import Ran
from tests.plugins.conftest import HERE, install, on_path

KEY = "acme_good_events"
Run = Callable[..., Ran]


def listed(run: Run, name: str) -> dict[str, Any]:
    """What `indicators list` says of a key, or of a distribution that takes no part."""
    rows = json.loads(run("indicators", "list", "--json").out)
    (row,) = [one for one in rows if name in (one.get("key"), one.get("distribution"))]
    return row


def version_of_good(folder: Path, version: int) -> Path:
    """The good plugin in another version: another number for everybody."""
    project = folder / f"good-{version}"
    shutil.copytree(HERE / "good", project)
    module, facts = project / "acme_good.py", project / "pyproject.toml"
    code = module.read_text().replace("version=1", f"version={version}")
    module.write_text(code.replace("literal(1)", f"literal({version})"))
    facts.write_text(facts.read_text().replace('version = "1.0"', f'version = "{version}.0"'))
    return project


def test_what_a_plugin_prints_is_in_no_output_of_ours(run: Run, plugin_site, monkeypatch):
    monkeypatch.setenv("COURSELENS_PLUGINS", "acme-prints")
    with on_path(plugin_site):
        ran = run("indicators", "list", "--json")
    keys = [row.get("key") for row in json.loads(ran.out)]
    assert "acme_prints_events" in keys
    assert "imported" in ran.err


def test_what_a_setting_leaves_out_says_so(run: Run, plugin_site, monkeypatch):
    monkeypatch.setenv("COURSELENS_PLUGINS", "acme-good acme-prints acme-types")
    monkeypatch.setenv("COURSELENS_DISABLED", f"acme-prints {KEY}")
    with on_path(plugin_site):
        assert listed(run, KEY)["state"] == "left out: COURSELENS_DISABLED names it"
        assert listed(run, "acme-prints")["state"] == "left out: COURSELENS_DISABLED names it"
        assert listed(run, "acme-hangs")["state"] == "left out: COURSELENS_PLUGINS does not name it"
        assert listed(run, "acme_types_events")["state"] == "ready"


def test_what_is_refused_says_why_and_check_fails(run: Run, plugin_site, monkeypatch, postgres_url):
    monkeypatch.setenv("COURSELENS_PLUGINS", "acme-raises")
    monkeypatch.setenv("COURSELENS_DATABASE_URL", postgres_url)
    with on_path(plugin_site):
        state = listed(run, "acme-raises")["state"]
        checked = run("check", "--json")
    why = "failed on import: RuntimeError: the licence server is down. Fix: mend the import"
    assert why in state
    assert state.startswith("refused: ")
    assert checked.code == 1
    (row,) = [row for row in json.loads(checked.out) if not row["ok"]]
    assert row["check"] == "plugin"
    assert row["detail"].startswith("acme-raises: ")
    assert why in row["detail"]


def test_check_tells_what_a_serving_process_has_switched_off(run: Run, monkeypatch, postgres_url):
    async def switch_off() -> None:
        store = await Store.connect(postgres_url, registry=Registry([]))
        await store.migrate()
        await note_off(store.database, "acme_now", "its live code raises KeyError", 60)
        await store.close()

    asyncio.run(switch_off())
    monkeypatch.setenv("COURSELENS_DATABASE_URL", postgres_url)
    checked = run("check", "--json")
    assert checked.code == 1
    (row,) = [row for row in json.loads(checked.out) if not row["ok"]]
    assert row["check"] == "indicator acme_now"
    assert row["detail"].endswith(": its live code raises KeyError")


@pytest.mark.slow
def test_install_upgrade_uninstall_prune(run: Run, source, tmp_path, monkeypatch, postgres_url):
    monkeypatch.setenv("COURSELENS_DATABASE_URL", postgres_url)
    folder, _ = source

    def refresh() -> int:
        """How many indicators a refresh computed."""
        (row,) = json.loads(run("refresh", folder, "--json").out)
        assert row["failed"] == ""
        return int(row["indicators"])

    first, second = tmp_path / "site1", tmp_path / "site2"
    install(first, HERE / "good")
    install(second, version_of_good(tmp_path, 2))
    assert "acmeGoodEvents" not in run("schema").out
    built_in = refresh()
    assert refresh() == 0
    with on_path(first):
        row = listed(run, KEY)
        assert (row["distribution"], row["distribution_version"], row["version"], row["state"]) == (
            "acme-good", "1.0", 1, "ready",
        )  # fmt: skip
        assert "acmeGoodEvents: AcmeGoodEvents" in run("schema").out
        assert refresh() == 1  # the new one alone
        assert refresh() == 0
    with on_path(second):
        assert listed(run, KEY)["distribution_version"] == "2.0"
        assert refresh() == 1
    assert "acmeGoodEvents" not in run("schema").out
    assert refresh() == 0
    would = json.loads(run("indicators", "prune", "--dry-run", "--json").out)
    names = {one["name"] for one in would}
    assert names == {"student_values_acme_good", KEY}
    assert run("indicators", "prune", "--yes").code == 0
    assert json.loads(run("indicators", "prune", "--dry-run", "--json").out) == []
    assert built_in > 10
