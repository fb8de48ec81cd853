"""What `check` says of a platform's MySQL and MongoDB: who answers, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from courselens.errors import CourselensError
from courselens.settings import Settings
from indicators.registry import Registry
from loaders.capability import Capability
from loaders.mongo.source import MongoSource
from loaders.mysql.source import MySQLSource
from workers.platform_tables import open_platform

Row = dict[str, Any]


async def check_platform(settings: Settings, registry: Registry) -> list[Row]:
    """One row per server, then one per dataset that lacks something and what rests on it.

    A row has `check`, `ok` and `detail`; that of a dataset also `dataset`, `available` and
    `indicators`. What an installation does not have is no fault, so its rows are ok.
    """
    rows: list[Row] = []
    found: list[tuple[str, Mapping[str, Capability]]] = []
    try:
        async with open_platform(settings) as (mysql, mongo):
            for name, source in (("mysql", mysql), ("mongodb", mongo)):
                if source is None:
                    continue
                try:
                    detail, datasets = await _look(source)
                except CourselensError as error:
                    rows.append(_row(name, ok=False, detail=str(error)))
                    continue
                given = sum(each.is_available for each in datasets.values())
                told = f"{detail}, {given} of {len(datasets)} datasets"
                if not given:
                    told += "; may the account read the tables, and is it the right database?"
                rows.append(_row(name, ok=given > 0, detail=told))
                found.append((name, datasets))
    except CourselensError as error:
        rows.append(_row("sources", ok=False, detail=str(error)))
    return rows + _missing(found, registry)


async def _look(source: MySQLSource | MongoSource) -> tuple[str, Mapping[str, Capability]]:
    if isinstance(source, MySQLSource):
        capabilities = await source.capabilities()
        return f"version {capabilities.version}", capabilities.datasets
    found = await source.probe()
    return f"modulestore: {' and '.join(found.modulestores) or 'none'}", found.datasets


def _missing(found: list[tuple[str, Mapping[str, Capability]]], registry: Registry) -> list[Row]:
    available = {
        name for _, datasets in found for name, each in datasets.items() if each.is_available
    }
    rows = []
    for source, datasets in found:
        for name, each in datasets.items():
            # What another server gives is not missing.
            if not each.notes or (not each.is_available and name in available):
                continue
            rows.append(
                {
                    **_row(f"{source} {name}", ok=True, detail="; ".join(each.notes)),
                    "dataset": name,
                    "available": each.is_available,
                    "indicators": _resting_on(name, registry),
                }
            )
    return rows


def _resting_on(dataset: str, registry: Registry) -> list[str]:
    return [key for key in registry.indicators if dataset in registry.order([key])]


def _row(name: str, *, ok: bool, detail: str) -> Row:
    return {"check": name, "ok": ok, "detail": detail}
