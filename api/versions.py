"""Names of answers' versions: what an `ETag` is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import orjson

from api.access.policy import Viewer
from api.context import Context, Used
from api.documents.accepted import Accepted

if TYPE_CHECKING:
    from api.operations import Question


class Versions:
    """Names versions of answers.

    Everything that an answer depends on is in its name: document, operation, variables, who asks
    with what reach, how they stand to each course that was used, and the run that made the course's
    numbers. So a refresh changes it, and two viewers never have the same.

    Args:
        build: what else an answer depends on: the program, its schema and its settings.
    """

    def __init__(self, build: str) -> None:
        self._build = build

    def of(
        self,
        accepted: Accepted,
        question: Question,
        viewer: Viewer | None,
        used: Collection[Used],
    ) -> str:
        """The version of an answer that tells about these courses."""
        asked = (accepted.digest, question.operation_name, question.variables or {})
        return self._name(asked, viewer, used)

    def name(self, asked: Sequence[object], context: Context) -> str:
        """The version of what was asked for, plain values of JSON, with what the context used."""
        return self._name(asked, context.viewer, context.used)

    def _name(self, asked: Sequence[object], viewer: Viewer | None, used: Collection[Used]) -> str:
        reach = viewer.reach if viewer else None
        parts = (
            self._build,
            *asked,
            viewer and viewer.user_id,
            reach and (sorted(reach.orgs) if reach.orgs is not None else None,
                       reach.only_self, reach.has_roles),
            sorted((key, run_id, *access) for key, run_id, access in used),
        )  # fmt: skip
        text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(text, digest_size=16).hexdigest()
