from __future__ import annotations

import pytest
from graphql import parse

from api.limits import Limits, check_document, check_variables
from courselens.errors import LimitExceeded

SMALL = Limits(depth=3, aliases=3, directives=2, operations=1, list_items=3)


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ("{ a { b { c { d } } } }", "depth"),
        ("{ a { ... { b { ... on T { c { d } } } } } }", "depth"),
        ("{ a { ...F } } fragment F on T { b { c { d } } }", "depth"),
        ("{ a: x b: x c: x d: x }", "aliases"),
        ("{ p { ...F } q { ...F } } fragment F on T { a: x b: x }", "aliases"),
        ("{ a @skip(if: true) b @skip(if: true) c @skip(if: true) }", "directives"),
        ("query A { a } query B { b }", "operations"),
        ("{ a(x: [1, 2, 3, 4]) }", "items of a list"),
    ],
)
def test_large_document_is_refused(document: str, what: str) -> None:
    with pytest.raises(LimitExceeded) as raised:
        check_document(parse(document), SMALL)
    assert raised.value.what == what


@pytest.mark.parametrize(
    "document",
    [
        "{ a { b { c } } }",
        "{ a: x b: x c: x }",
        "{ a(x: [1, 2, 3]) @skip(if: true) @include(if: true) }",
        "{ __schema { types { fields { type { ofType { name } } } } } }",
        "{ ...F } fragment F on T { ...F }",
    ],
)
def test_document_within_the_limits_passes(document: str) -> None:
    check_document(parse(document), SMALL)


def test_fragments_that_double_at_every_link_are_counted_without_walking_them() -> None:
    links = " ".join(
        f"fragment F{n} on T {{ a: x {{ ...F{n + 1} }} b: x {{ ...F{n + 1} }} }}" for n in range(60)
    )
    document = parse(f"{{ ...F0 }} {links} fragment F60 on T {{ x }}")
    with pytest.raises(LimitExceeded) as raised:
        check_document(document, Limits(depth=100))
    assert raised.value.found == 2**61 - 2


def test_deep_variables_are_refused_without_recursion() -> None:
    deep: object = 1
    for _ in range(900):
        deep = [deep]
    with pytest.raises(LimitExceeded):
        check_variables({"a": deep}, Limits())
