"""Load the datasets that plugins bring, each with its own settings and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from courselens.errors import PluginError, SourceRefused
from courselens.settings import Settings
from indicators.apart.apart import Apart
from indicators.apart.loading import LoadJob
from indicators.own_datasets import OwnDataset
from indicators.registry import Registry

logger = structlog.get_logger(__name__)


def missing_settings(own: OwnDataset, settings: Settings) -> list[str]:
    """Variables that have to be set before a dataset can be loaded."""
    return [
        setting.variable(own.name)
        for setting in own.settings
        if setting.default is None and settings.plugin_value(setting.variable(own.name)) is None
    ]


def settings_of(own: OwnDataset, settings: Settings) -> dict[str, str]:
    """What its loader is told."""
    told = {
        setting.name: settings.plugin_value(setting.variable(own.name)) or setting.default
        for setting in own.settings
    }
    return {name: value for name, value in told.items() if value is not None}


def load_own(
    registry: Registry,
    own: OwnDataset,
    course_keys: Sequence[str],
    settings: Settings,
    apart: Apart,
) -> pa.Table:
    """Rows of a dataset of a plugin for all courses; blocks.

    Raises:
        SourceRefused: a setting is missing, or its code failed or took too long or too much.
    """
    missing = missing_settings(own, settings)
    if missing:
        raise SourceRefused(own.name, "is not configured", f"set {', '.join(missing)}")
    file = apart.folder / f"{own.name}.parquet"
    job = LoadJob(
        name=own.name,
        entry=registry.entry(own.name),
        course_keys=tuple(course_keys),
        settings=settings_of(own, settings),
        file=str(file),
    )
    try:
        apart.run(job, own.provider)
    except PluginError as error:
        raise SourceRefused(own.name, f"{own.provider}: {error.problem}", error.fix) from error
    return pq.read_table(file).cast(own.dataset.schema)


def load_all_own(
    registry: Registry,
    course_keys: Sequence[str],
    settings: Settings,
    apart: Apart,
    *,
    needed: Collection[str] | None = None,
) -> dict[str, pa.Table]:
    """Rows of every dataset of plugins that is needed and can be loaded.

    Those that cannot are logged; what rests on them is null and names them.
    """
    tables: dict[str, pa.Table] = {}
    for name, own in registry.own_datasets.items():
        if needed is not None and name not in needed:
            continue
        try:
            tables[name] = load_own(registry, own, course_keys, settings, apart)
        except SourceRefused as error:
            logger.warning("dataset of a plugin not loaded", dataset=name, problem=str(error))
    return tables
