"""The cache of parsed courses."""

from __future__ import annotations

from loaders.mongo.cache import StructureCache
from loaders.mongo.course import LoadedCourse


def course(name, version="1"):
    return LoadedCourse(name, version, {})


def test_a_course_is_kept_under_its_version():
    cache = StructureCache()
    kept = course("a")
    cache.keep(kept)

    assert cache.get("a", "1") is kept
    assert cache.get("a", "2") is None
    assert cache.get("b", "1") is None


def test_the_course_that_was_not_asked_for_longest_makes_room():
    cache = StructureCache(size=2)
    for name in ("a", "b"):
        cache.keep(course(name))
    cache.get("a", "1")
    cache.keep(course("c"))

    assert [cache.get(name, "1") is not None for name in "abc"] == [True, False, True]


def test_a_course_without_a_version_is_not_kept():
    cache = StructureCache(size=1)
    cache.keep(course("a"))
    cache.keep(course("b", None))

    assert cache.get("a", "1") is not None
