from __future__ import annotations

import pytest
from graphql import GraphQLError, build_schema, parse

from api.documents.limits import Limits, check_document, check_text, check_variables, names_of
from courselens.errors import LimitExceeded

SMALL = Limits(
    depth=3, aliases=3, directives=2, operations=1, list_items=3, fields=20, equal_keys=4
)


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
        ("{ " + "a " * 21 + "}", "fields"),
        (
            "{ ...F ...G ...F } fragment F on T { a b c { d } } "
            "fragment G on T { " + "e " * 13 + "}",
            "fields",
        ),
        ("{ a a a a a }", "fields of one name in one place"),
        (
            "{ a { b b b } ...F } fragment F on T { ... { a { b b } } }",
            "fields of one name in one place",
        ),
        ("{ p { x } } fragment Unused on T { a a a a a }", "fields of one name in one place"),
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
        "{ ...F } fragment F on T { a b ...G } fragment G on T { a b }",
    ],
)
def test_document_within_the_limits_passes(document: str) -> None:
    check_document(parse(document), SMALL)


@pytest.mark.parametrize(
    "document",
    [
        "{ ...F } fragment F on T { ...F }",
        "{ ...F } fragment F on T { a { ...G } } fragment G on T { ...F }",
    ],
)
def test_fragment_that_spreads_itself_is_refused(document: str) -> None:
    with pytest.raises(GraphQLError, match="within itself"):
        check_document(parse(document), SMALL)


def test_fragments_that_double_at_every_link_are_counted_without_walking_them() -> None:
    links = " ".join(
        f"fragment F{n} on T {{ a: x {{ ...F{n + 1} }} b: x {{ ...F{n + 1} }} }}" for n in range(60)
    )
    document = parse(f"{{ ...F0 }} {links} fragment F60 on T {{ x }}")
    with pytest.raises(LimitExceeded) as raised:
        check_document(document, Limits(depth=100))
    assert raised.value.found == 2**61 - 2


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{ " + "a " * 20 + "}", "tokens"),
        ("{ a " * 6 + "}" * 6, "brackets in each other"),
        ("{ a(b: " + "[" * 6 + "]" * 6 + ") }", "brackets in each other"),
        ("{ a: x b: x c : x d:x }", "aliases"),
        ('{ a(b: """ " """) ' + "c " * 20 + "}", "tokens"),
        ("{ a(b: [" + "-1.5e3" * 20 + "]) }", "tokens"),
        ('{ a(b: "\\"") ' + "c " * 20 + "}", "tokens"),
    ],
)
def test_text_that_is_too_large_is_not_parsed(text: str, what: str) -> None:
    with pytest.raises(LimitExceeded) as raised:
        check_text(text, Limits(tokens=20, brackets=5, aliases=3))
    assert raised.value.what == what


def test_words_that_the_schema_does_not_have_are_counted_before_parsing() -> None:
    schema = build_schema("type Query { a(b: Kind): Int } enum Kind { ONE }")
    names = names_of(schema)
    limits = Limits(names=3)
    for text in (
        "query($v: Kind) { a(b: $v) __typename }" + " fragment F on Query { a @skip(if: true) }",
        "{ x y z a(b: ONE) } # w w w",
        '{ a(b: "u v w x y z") }',
        "{ a } 1 2 3 4 5 -6 7.5",
    ):
        check_text(text, limits, names)
    with pytest.raises(LimitExceeded) as raised:
        check_text("{ a w x y z }", limits, names)
    assert (raised.value.what, raised.value.found) == ("names that are not of the schema", 4)


@pytest.mark.parametrize(
    "text",
    [
        "{ a } # " + "a " * 100,
        '{ a(b: "' + "a { " * 100 + '") }',
        '{ a(b: """' + "a { \n" * 100 + '""") }',
        "query($a: Int, $b: Int, $c: Int, $d: Int) { a(b: 1) }",
        "{ a(b: {c: 1, d: 1, e: 1, f: 1}) }",
        "\ufeff{,,,a,,,}",
        "{ a" + "}" * 10,
        '"' + "x" * 50_000,
        "\\" * 10,
    ],
)
def test_text_that_may_be_small_is_left_to_the_parser(text: str) -> None:
    check_text(text, Limits(tokens=30, brackets=5, aliases=3))


def test_deep_variables_are_refused_without_recursion() -> None:
    deep: object = 1
    for _ in range(900):
        deep = [deep]
    with pytest.raises(LimitExceeded):
        check_variables({"a": deep}, Limits())
