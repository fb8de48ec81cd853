"""Which datasets a site's MongoDB can give, and what stands against the others."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from loaders.capability import Capability
from loaders.datasets import BLOCK_ACCESS, BLOCKS, COURSES, FORUM_POSTS, GRADING_POLICY
from loaders.mongo import draft, forum, split


@dataclass(frozen=True, slots=True)
class MongoCapabilities:
    """Of one site.

    Attributes:
        modulestores: the stores of courses that are there: `split`, `draft`, both or none.
        datasets: by name, those that MongoDB can be asked for.
    """

    modulestores: tuple[str, ...]
    datasets: dict[str, Capability]

    @property
    def available(self) -> frozenset[str]:
        """Names of the datasets that can be read."""
        return frozenset(name for name, each in self.datasets.items() if each.is_available)


@dataclass(frozen=True, slots=True)
class Holding:
    """A database: its collections, and why they are not known where they are not."""

    database: str
    collections: Set[str]
    refusal: str = ""

    def miss(self, collection: str) -> str:
        """A note that a collection is not there."""
        return self.refusal or f"{self.database} has no collection {collection}"


def describe(courses: Holding, posts: Holding) -> MongoCapabilities:
    """Say what the databases of the modulestore and of the forum are good for."""
    stores = {
        "split": split.STRUCTURES in courses.collections,
        "draft": draft.COLLECTION in courses.collections,
    }
    has_store = any(stores.values())
    has_policy = stores["draft"] or (stores["split"] and split.DEFINITIONS in courses.collections)
    notes: list[str] = []
    if not has_store:
        notes.append(courses.miss(split.STRUCTURES))
    elif stores["split"] and split.ACTIVE_VERSIONS not in courses.collections:
        notes.append(
            f"{courses.miss(split.ACTIVE_VERSIONS)}: the courses and their versions must come from "
            "the site's MySQL"
        )
    missing = split.DEFINITIONS if has_store else split.STRUCTURES
    has_forum = forum.COLLECTION in posts.collections
    found = [
        *(Capability(each.name, has_store, tuple(notes)) for each in (COURSES, BLOCKS)),
        Capability(BLOCK_ACCESS.name, has_store, tuple(notes)),
        Capability(GRADING_POLICY.name, has_policy, () if has_policy else (courses.miss(missing),)),
        Capability(
            FORUM_POSTS.name, has_forum, () if has_forum else (posts.miss(forum.COLLECTION),)
        ),
    ]
    return MongoCapabilities(
        tuple(name for name, is_there in stores.items() if is_there),
        {each.dataset: each for each in found},
    )
