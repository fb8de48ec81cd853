"""What clients are promised: nothing goes that was not deprecated before."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.schema.changes import find_changes

ROOT = Path(__file__).parents[3]
OLD = """
type Query { "Old." a(x: Int, y: Int @deprecated): Int  b: B @deprecated(reason: "Use `a`.")  e: E }
type B { id: ID }
enum E { ONE  TWO @deprecated }
input Some { x: Int  z: Int @deprecated }
enum Code { FIRST }
"""


def test_schema_takes_nothing_away_that_was_released() -> None:
    """Deprecate it first, release, then remove it; `make check` lists dangerous changes too."""
    released = (ROOT / "tests" / "api" / "released.graphql").read_text(encoding="utf-8")
    current = (ROOT / "schema.graphql").read_text(encoding="utf-8")
    assert find_changes(released, current).breaking == ()


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        OLD.replace('"Old."', '"New."'),
        OLD.replace(", y: Int @deprecated", ""),
        OLD.replace("  TWO @deprecated", ""),
        OLD.replace("  z: Int @deprecated", ""),
        OLD.replace('  b: B @deprecated(reason: "Use `a`.")', "").replace("type B { id: ID }", ""),
        OLD.replace("type B {", "type B { more: Int "),
    ],
)
def test_what_was_deprecated_may_go_and_more_may_come(new: str) -> None:
    assert find_changes(OLD, new).breaking == ()
    assert find_changes(OLD, new).dangerous == ()


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("a(x: Int, ", "a(", "Argument Query.a(x:) was removed."),
        ("  e: E }", " }", "Field Query.e was removed."),
        ("enum Code { FIRST }", "", "Code was removed."),
        ("ONE  ", "", "Enum value E.ONE was removed."),
        ("{ x: Int  z", "{ z", "Field Some.x was removed."),
        (
            "@deprecated): Int",
            "@deprecated): Float",
            "Field Query.a changed type from Int to Float.",
        ),
        ("b: B", "b: Int", "Field Query.b changed type from B to Int."),
        ("{ x: Int  z", "{ x: Int!  z", "Field Some.x changed type from Int to Int!."),
        ("{ x: Int  z", "{ w: Int!  x: Int  z", "A required field Some.w was added."),
    ],
)
def test_whatever_breaks_a_client_is_found(was: str, becomes: str, told: str) -> None:
    assert was in OLD
    assert find_changes(OLD, OLD.replace(was, becomes)).breaking == (told,)


def test_dangerous_changes_are_told_and_allowed() -> None:
    changes = find_changes(OLD, OLD.replace("ONE  ", "ONE  THREE  "))
    assert changes.breaking == ()
    assert changes.dangerous == ("Enum value E.THREE was added.",)
