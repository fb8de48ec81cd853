"""Live code of an indicator: what it sees of the platform at request time, and what it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from indicators.parameters import Parameters

if TYPE_CHECKING:
    import pyarrow as pa


class Sources(Protocol):
    """Datasets of one course as they are now, read when an answer needs them.

    The same question of several indicators, fields and aliases of a request is asked once, for all
    their students together, and all questions of a request have one deadline.
    """

    @property
    def course_key(self) -> str:
        """The course."""

    @property
    def user_ids(self) -> Sequence[int]:
        """The students who are asked about; none where the course itself is."""

    async def students(self, dataset: str) -> pa.Table:
        """Rows of a dataset about these students in this course, columns as in `DATASETS`.

        Raises:
            MissingSource: the installation does not have it; leave it to the caller, the value is
                then null and its envelope names the dataset.
            SourceUnavailable: the source did not answer in time; leave it to the caller, too.
        """
        ...

    async def course(self, dataset: str) -> pa.Table:
        """All rows of a dataset about this course; raises as `students` does."""
        ...


class LiveStudents(Protocol):
    """Live code for students: values of the student result type by `user_id`.

    A student who is not in the answer has null in every field. Rows of a part are in the order in
    which they are shown.
    """

    def __call__(
        self, sources: Sources, parameters: Parameters, /
    ) -> Awaitable[Mapping[int, object]]:
        """Read and compute."""
        ...


class LiveCourse(Protocol):
    """Live code for the course as a whole: one value of the group result type."""

    def __call__(self, sources: Sources, parameters: Parameters, /) -> Awaitable[object]:
        """Read and compute."""
        ...


@dataclass(frozen=True, slots=True)
class Live:
    """Live code and the datasets that it reads; `compute` is one of the two above."""

    reads: tuple[str, ...]
    compute: Callable[[Sources, Parameters], Awaitable[object]]
