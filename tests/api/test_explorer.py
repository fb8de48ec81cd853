from __future__ import annotations

import re

import pytest

from api.explorer import read_examples
from api.schema.assembled import assemble
from indicators.registry import load_registry
from tests.data.served_courses import Served


async def test_page_and_its_files_are_served(served: Served) -> None:
    page = await served.client.get("/graphiql")
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(links) == 6
    for link in links:
        assert (await served.client.get(link)).status_code == 200


async def test_page_cannot_reach_another_host(served: Served) -> None:
    page = await served.client.get("/graphiql")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)


async def test_front_page_leads_to_the_explorer(served: Served) -> None:
    answer = await served.client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/graphiql")


async def test_examples_about_indicators_that_are_not_installed_are_left_out(
    served: Served,
) -> None:
    examples = (await served.client.get("/graphiql/examples.json")).json()
    assert [example["name"] for example in examples] == ["6_indicators"]


def test_every_example_fits_the_installed_indicators() -> None:
    found = [example["name"] for example in read_examples(assemble(load_registry()).schema)]
    assert found == [
        "1_class", "2_roster", "3_mobile_summary", "4_chapters", "5_group", "6_indicators",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/graphiql/static/../../app.py", "/graphiql/static/%2e%2e/app.py"]
)
async def test_only_the_explorers_files_are_served(served: Served, path: str) -> None:
    assert (await served.client.get(path)).status_code == 404
