"""Datasets that a plugin brings itself, with the code that loads them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from loaders.dataset import Dataset

if TYPE_CHECKING:
    import pyarrow as pa

_COURSE_KEY = "course_key"


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that a loader is told by the operator: a path, an address, a password.

    Its value is the environment variable `COURSELENS_PLUGIN_<DATASET>_<NAME>`, in upper case.

    Attributes:
        name: snake_case, unique within the dataset.
        description: what to set, for the operator.
        secret: whether its value is never shown.
        default: what it is if not set; None: the dataset cannot do without.
    """

    name: str
    description: str
    secret: bool = False
    default: str | None = None

    def variable(self, dataset: str) -> str:
        """The environment variable that holds it."""
        return f"COURSELENS_PLUGIN_{dataset}_{self.name}".upper()


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What a loader is told.

    Attributes:
        course_keys: courses that are known here; rows of others may be given, and are not used.
        settings: values of the settings that its dataset declares, by name, and of no others.
    """

    course_keys: Sequence[str]
    settings: Mapping[str, str]


Rows: TypeAlias = "pa.Table | Iterable[Mapping[str, object]]"
"""What a loader gives: an Arrow table, or rows as mappings by column."""

Load = Callable[[LoadRequest], Rows]


@dataclass(slots=True, eq=False, kw_only=True)
class OwnDataset:
    """A named table of raw facts from a source of the plugin's own.

    Attributes:
        name: snake_case, unique; begins with the plugin's name.
        version: raised when its columns or their meaning change.
        description: what it holds, and from where.
        columns: name -> kind: string, int, float, bool or strings (a list). Where there is a
            `course_key` each course sees its rows, else every course sees all.
        key: columns that tell two rows apart; of two with the same key the later wins.
        settings: what the operator tells the loader.
        every_hours: how old its copy may get before it is loaded again.
        load: the code; runs in a process of its own, for all courses together.
    """

    name: str
    version: int
    description: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    settings: tuple[Setting, ...]
    every_hours: float
    load: Load
    provider: str = field(default="", init=False)
    provider_version: str = field(default="", init=False)

    @property
    def dataset(self) -> Dataset:
        """The same as the platform's datasets are described."""
        return Dataset(self.name, self.description, dict(self.columns), self.key)


def dataset(
    *,
    name: str,
    columns: Mapping[str, str],
    key: tuple[str, ...],
    version: int = 1,
    settings: tuple[Setting, ...] = (),
    every_hours: float = 24.0,
) -> Callable[[Load], OwnDataset]:
    """Declare a dataset of the plugin's own.

    The decorated function loads it; its docstring is the dataset's description. The arguments are
    `OwnDataset`'s attributes.
    """

    def declare(load: Load) -> OwnDataset:
        return OwnDataset(
            name=name,
            version=version,
            description=inspect.getdoc(load) or "",
            columns=columns,
            key=key,
            settings=settings,
            every_hours=every_hours,
            load=load,
        )

    return declare
