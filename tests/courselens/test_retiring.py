"""A person is retired: nothing is left or comes back, others keep all, a kill costs nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from aggregates.store import Store
from courselens.computing import Limits, refresh_course
from courselens.errors import RetiredMeanwhile
from courselens.retiring import Asked, Retirement, retire
from courselens.settings import Settings
from courselens.simulator import simulate
from loaders.events.lake import Lake
from loaders.events.users import name_only_user_id
from loaders.retired import RetiredList
from tests.soak.rig import registry
from workers.facts import KeptFacts
from workers.keeping_up import keep_up

NOW_US = 1_800_000_000_000_000
NAME_ONLY = "only.a_name"
FIRST_COMMIT = 3  # the step that puts the ids on the list


@dataclass(frozen=True)
class Site:
    """An installation that has taken in a source and computed its course."""

    folder: Path
    store: Store
    url: str

    @property
    def settings(self) -> Settings:
        return Settings(
            home=self.folder / "home",
            source_paths=(self.folder / "source",),
            memory_limit="500MB",
            threads=1,
            task_time_limit_seconds=30,
        )

    @property
    def lake(self) -> Lake:
        return Lake(self.settings.lake_path)

    @property
    def course_key(self) -> str:
        (key,) = self.lake.course_keys()
        return key

    def take_in(self) -> KeptFacts:
        return keep_up(self.settings, registry(), now_us=NOW_US, progress=lambda *_: None)

    async def refresh(self, facts: KeptFacts) -> bool:
        done = await refresh_course(
            registry(),
            self.store,
            facts,
            self.course_key,
            now_us=NOW_US,
            limits=Limits("500MB", 1),
            retired=RetiredList(self.settings.retired_path).ids,
        )
        return done.changed

    async def retire(self, *user_ids: int, **asked: Any) -> Retirement:
        dry_run = asked.pop("dry_run", False)
        return await retire(
            self.settings,
            self.store,
            Asked(user_ids, **asked),
            progress=lambda *_: None,
            dry_run=dry_run,
        )

    async def students(self) -> dict[int, str]:
        """Enrolled students who have events, by id."""
        active = set(self.events().column("user_id").to_pylist())
        rows = await self.store.database.fetch(
            "SELECT user_id, username FROM students WHERE in_l ORDER BY user_id"
        )
        return {row["user_id"]: row["username"] for row in rows if row["user_id"] in active}

    def events(self) -> pa.Table:
        tables = [
            parquet.read_table(path, partitioning=None) for path in self.lake.files(self.course_key)
        ]
        return pa.concat_tables(tables)

    async def said_about(self, user_id: int, name: str) -> set[str]:
        """Places with the id or the name in any value at all, found without the product's help."""
        places = set()
        for path in self.settings.home.rglob("*"):
            if path.is_dir() or self.settings.retired_path in path.parents:
                continue
            start = path.read_bytes()[:6]
            if start.startswith(b"PAR1"):
                values = parquet.read_table(path, partitioning=None).to_pylist()
            elif start == b"ARROW1":
                values = pa.ipc.open_file(path).read_all().to_pylist()
            else:
                if name.encode() in path.read_bytes():
                    places.add(str(path))
                continue
            if any(_tells(row, user_id, name) for row in values):
                places.add(str(path))
        tables = await self.store.database.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        )
        for (table,) in tables:
            rows = await self.store.database.fetch(f'SELECT * FROM "{table}"')
            if any(_tells(dict(row), user_id, name) for row in rows):
                places.add(table)
        return places


def _tells(row: dict[str, Any], user_id: int, name: str) -> bool:
    """Whether any number is the id, but for counts that may be as large, or any text the name."""
    return row.get("user_id") == user_id or any(name in str(value) for value in row.values())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source with one learner whom the log knows by name only."""
    folder = tmp_path_factory.mktemp("retiring")
    simulate(folder / "source", students=40, weeks=2, seed=3)
    course = "course-v1:SimX+SIM101+2025_02"
    event = {
        "username": NAME_ONLY,
        "event_type": "edx.forum.thread.created",
        "event": {"id": "t1"},
        "event_source": "server",
        "context": {"user_id": "", "org_id": "SimX", "course_id": course},
        "time": "2025-02-08T11:45:10.910503+00:00",
    }
    (folder / "source" / "name_only.log").write_text(json.dumps(event) + "\n")
    return folder


@pytest.fixture
async def site(folder: Path, postgres_url: str) -> AsyncIterator[Site]:
    """The module's site: made once, and retired from by every test."""
    store = await Store.connect(postgres_url, registry=registry(), pool_size=4)
    try:
        await store.migrate()
        site = Site(folder, store, postgres_url)
        if not site.settings.home.exists():
            await site.refresh(site.take_in())
        yield site
    finally:
        await store.close()


async def test_nothing_is_left_of_the_person_and_all_of_the_others(site: Site):
    (user_id, name), *_ = (await site.students()).items()
    assert len(await site.said_about(user_id, name)) > 10
    others = site.events().filter(pa.compute.not_equal(site.events()["user_id"], user_id))

    done = await site.retire(user_id)
    assert done.left == 0
    assert done.removed["lake"] > 0
    assert done.removed["tables/files/profiles"] == done.removed["database/students"] == 1
    assert done.course_keys == (site.course_key,)
    assert await site.said_about(user_id, name) == set()
    assert site.events().equals(others)

    again = await site.retire(user_id)
    assert (again.left, sum(again.removed.values())) == (0, 0)


async def test_the_course_is_computed_again_without_the_person(site: Site):
    (user_id, _), *_ = (await site.students()).items()
    before = await site.store.database.fetch_row("SELECT count(*) AS n FROM students")
    await site.retire(user_id)
    work = await site.store.database.fetch(
        "SELECT subject FROM work WHERE kind = 'refresh_course' AND state = 'due'"
    )
    assert [row["subject"] for row in work] == [site.course_key]
    facts = KeptFacts.open(site.settings.tables_path, ["files"], site.lake)
    assert await site.refresh(facts)
    after = await site.store.database.fetch_row("SELECT count(*) AS n FROM students")
    assert after["n"] == before["n"] - 1


async def test_whoever_is_retired_does_not_come_back_with_the_sources(site: Site):
    (user_id, name), *_ = (await site.students()).items()
    await site.retire(user_id)
    # The same logs under other names, tables that changed, and a home that was lost.
    for log in (site.folder / "source").glob("*.log.gz"):
        log.rename(log.with_name(f"again-{log.name}"))
    await site.refresh(site.take_in())
    assert await site.said_about(user_id, name) == set()
    shutil.rmtree(site.settings.lake_path)
    shutil.rmtree(site.settings.tables_path)
    await site.refresh(site.take_in())
    assert await site.said_about(user_id, name) == set()
    assert (await site.retire(user_id)).left == 0


async def test_names_without_an_id_are_retired_by_name(site: Site):
    user_id = name_only_user_id(NAME_ONLY)
    assert user_id in site.events()["user_id"].to_pylist()
    assert (await site.retire(usernames=[NAME_ONLY])).left == 0
    assert await site.said_about(user_id, NAME_ONLY) == set()
    log = site.folder / "source" / "name_only.log"
    shutil.copy(log, log.with_name("name_only_again.log"))
    site.take_in()
    assert await site.said_about(user_id, NAME_ONLY) == set()


async def test_a_refresh_of_older_facts_is_refused(site: Site):
    (user_id, _), *_ = (await site.students()).items()
    old = site.folder / "old"  # as a task has it open that runs meanwhile
    shutil.copytree(site.settings.home, old)
    facts = KeptFacts.open(old / "tables", ["files"], Lake(old / "lake"))
    await site.retire(user_id)
    with pytest.raises(RetiredMeanwhile):
        await site.refresh(facts)
    assert (await site.retire(user_id)).left == 0


async def test_a_name_that_another_has_now_is_left_alone(site: Site):
    (user_id, _), (_, taken), *_ = (await site.students()).items()
    done = await site.retire(user_id, usernames=[taken])
    assert (done.left, done.names_of_others) == (0, 1)
    assert taken in (await site.students()).values()


async def test_retirement_follows_the_platform(site: Site):
    gone = await site.store.database.fetch(
        "SELECT user_id, username FROM students WHERE starts_with(username, 'retired__user_')"
    )
    assert gone
    done = await site.retire(from_platform=True)
    assert done.left == 0
    for user_id, name in gone:
        assert user_id in done.user_ids
        assert await site.said_about(user_id, name) == set()
    assert (await site.retire(from_platform=True)).user_ids == ()


async def test_what_is_left_is_found_in_places_that_nobody_thought_of(site: Site):
    (user_id, name), *_ = (await site.students()).items()
    note = site.settings.home / "note.txt"
    note.write_text(f"asked by {name}.\nand by x{name}\n")
    await site.store.database.execute(
        'CREATE TABLE acme_notes ("userId" int, said jsonb, tags text[])', deadline_seconds=10
    )
    await site.store.database.fetch(
        "INSERT INTO acme_notes VALUES ($1, NULL, NULL), (NULL, $2, NULL), (NULL, NULL, $3),"
        " (NULL, $4, NULL), ($5, NULL, NULL)",
        user_id,
        {"student_id": user_id},
        ["x", name],
        {"learners": user_id},
        user_id + 1,
    )
    done = await site.retire(user_id)
    assert {place: rows for place, rows in done.found.items() if rows} == {
        "note.txt": 1,
        "database/acme_notes": 3,
    }
    assert RetiredList(site.settings.retired_path).read().under_way is not None
    note.unlink()
    await site.store.database.execute("DROP TABLE acme_notes", deadline_seconds=10)
    # Nobody is named: what was begun is finished, with the names that nothing else knows now.
    assert (await site.retire()).left == 0
    known = RetiredList(site.settings.retired_path).read()
    assert known.under_way is None
    assert user_id in known.user_ids
    assert name not in (site.settings.retired_path / "manifest.json").read_text()


async def test_a_dry_run_finds_all_and_changes_nothing(site: Site):
    (user_id, name), *_ = (await site.students()).items()
    before = await site.said_about(user_id, name)
    told = await site.retire(user_id, dry_run=True)
    assert told.left > 0
    assert told.removed == {}
    assert await site.said_about(user_id, name) == before


@pytest.mark.slow
async def test_killed_at_any_step_it_goes_on_to_the_end(site: Site):
    step, ended, deaths = 1, False, 0
    while not ended:
        (user_id, name), *_ = (await site.students()).items()
        arguments = [str(site.settings.home), site.url, str(user_id), str(step)]
        ran = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "tests.courselens.retire_and_die", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
        )
        ended = ran.returncode == 0
        assert ended or ran.returncode == -signal.SIGKILL, ran.stderr
        known = RetiredList(site.settings.retired_path).read()
        assert (user_id in known.user_ids) == (step > FIRST_COMMIT)
        site.take_in()  # workers go on meanwhile
        # Whatever is lost by now, the names are known until the end.
        again = await site.retire(*([] if known.under_way else [user_id]))
        assert again.left == 0
        assert await site.said_about(user_id, name) == set()
        deaths += not ended
        step += 1 + step
    assert deaths > 5
