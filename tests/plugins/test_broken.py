"""Each broken plugin costs its own fields, and is named with the cause and the fix in one line."""

from __future__ import annotations

import json
import os
import re

import httpx
import pytest
from pydantic import SecretStr

from courselens.computing import Limits, compute_course
from courselens.installed import Installed, look_at_installed, open_apart
from courselens.serving import running_server
from courselens.settings import Settings
from courselens.testing import worked_example
from indicators.context import Times
from indicators.result import Result, Status

NOW_US = 4_102_444_800_000_000
REFUSED = {
    "acme-raises": "failed on import: RuntimeError: the licence server is down. Fix: mend the",
    "acme-hangs": r"on import took more than 3 s. Fix: import nothing but definitions",
    "acme-exits": r"on import ended its process with code 7. Fix: import nothing but definitions",
    "acme-meddles": "changes indicators.parameters.COMMON on import. Fix: leave what others use",
    "acme-complex": "Number.events is a complex, which GraphQL cannot express. Fix: use int",
    "acme-claims": "'acme_good_events' is already registered by acme-good. Fix: choose another",
    "acme-needy": "needs 'acme_forum_threads', which nobody provides. Fix: declare that",
    "acme-circle": "cycle acme_circ.* -> acme_circ.* Fix: let one of them read datasets",
    "acme-circuit": "cycle acme_circ.* -> acme_circ.* Fix: let one of them read datasets",
}
FAILED = {
    "acme_forks_events": r"starts a process \(os.fork\). Fix: compute in the table expression",
    "acme_columns_events": r"missing \['events'\], unexpected \['clicks'\]. Fix: select exactly",
    "acme_types_events": "column events is no int.*. Fix: cast it to int",
    "acme_leaks_events": "held more than 512 MB of memory. Fix: let it hold less",
    "acme_endless_events": "took more than 6 s. Fix: make it faster",
    "acme_quits_events": "SystemExit: done here. Fix: mend its code",
    "acme_dies_events": "was ended by SIGSEGV. Fix: mend its code",
    "acme_peeks_events": "reads 'profiles' without having declared it. Fix: add 'profiles'",
    "acme_phones_events": r"reaches for the network \(socket.*\). Fix: load it with",
}
FINE = {"acme_good_events": 1, "acme_prints_events": 1, "acme_curious_events": 0}
BUILT_IN = ["active_days", "time_on_course"]


@pytest.fixture(scope="module")
def results(
    installed: Installed, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Result]:
    os.environ["COURSELENS_DATABASE_URL"] = "postgresql://reader:canary-7d1f@db/courselens"
    try:
        data = worked_example().data(tmp_path_factory.mktemp("course"))
        with open_apart(settings) as apart:
            found = compute_course(
                installed.registry,
                [*FAILED, *FINE, *BUILT_IN, "zz_endless_events"],
                data,
                times=Times(now_us=NOW_US),
                limits=Limits("512MB", 1),  # one after the other
                apart=apart,
            )
    finally:
        del os.environ["COURSELENS_DATABASE_URL"]
    return {result.indicator.key: result for result in found.results}


@pytest.mark.parametrize("plugin", REFUSED)
def test_what_cannot_take_part_is_refused_at_start_in_one_line(installed, plugin):
    (told,) = {str(error) for error in installed.registry.errors if error.plugin == plugin}
    assert re.match(f"{plugin}: .*{REFUSED[plugin]}", told)
    assert "\n" not in told


def test_nothing_else_is_refused(installed):
    assert {error.plugin for error in installed.registry.errors} == set(REFUSED)
    assert installed.left_out == {}
    assert {*FAILED, *FINE, *BUILT_IN} <= installed.registry.indicators.keys()


@pytest.mark.parametrize("key", FAILED)
def test_what_fails_when_it_computes_is_null_and_says_why_in_one_line(results, key):
    envelope = results[key].envelope
    plugin = key.removesuffix("_events").replace("_", "-")
    assert envelope.status is Status.FAILED
    assert re.match(f"{plugin}: .*{FAILED[key]}", envelope.error), envelope.error
    assert results[key].student["values"].to_pylist() == [{"user_id": 1, "events": None}]


def test_a_plugin_that_has_taken_all_its_time_is_stopped_sooner_the_next_time(results):
    error = results["zz_endless_events"].envelope.error
    assert error.startswith("acme-endless: zz_endless_events: took more than 0.6 s. Fix: ")


@pytest.mark.parametrize(("key", "events"), FINE.items())
def test_what_does_as_it_should_is_computed_beside_the_broken(results, key, events):
    assert results[key].envelope.error is None
    assert results[key].student["values"].to_pylist() == [{"user_id": 1, "events": events}]


def test_built_ins_have_the_numbers_that_they_have_alone(results, tmp_path):
    alone = compute_course(
        look_at_installed(Settings(home=tmp_path, plugins=())).registry,
        BUILT_IN,
        worked_example().data(tmp_path),
        times=Times(now_us=NOW_US),
        limits=Limits("512MB", 2),
    )
    for result in alone.results:
        beside = results[result.indicator.key]
        assert beside.student == result.student
        assert beside.summaries == result.summaries
        assert beside.envelope == result.envelope


async def test_the_service_starts_and_serves_everything_else(installed, settings, postgres_url):
    served = settings.model_copy(update={"database_url": SecretStr(postgres_url), "port": 0})
    async with running_server(served) as server, httpx.AsyncClient(timeout=30) as client:
        question = {"query": "{ indicators { key provider chart problem } }"}
        answer = (await client.post(f"{server.address}/graphql", json=question)).json()
    found = {one["key"]: one for one in answer["data"]["indicators"]}
    assert {*FAILED, *FINE, *BUILT_IN} <= found.keys()
    assert {one["provider"] for one in found.values()}.isdisjoint(REFUSED)
    assert found["acme_good_events"]["problem"] is None
    assert json.loads(found["acme_granted"]["chart"])["mark"] == "bar"


def test_imports_are_not_tried_again_as_long_as_nothing_changed(installed, settings):
    kept = settings.home / "plugins.json"
    before = kept.stat().st_ino
    again = look_at_installed(settings)
    assert kept.stat().st_ino == before
    assert {str(error) for error in again.registry.errors} == {
        str(error) for error in installed.registry.errors
    }
