"""A grammar of requests that nobody should send: seeded, so that what failed can be sent again."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

FIELDS = (
    "course", "courses", "viewer", "student", "students", "indicators", "node", "nodes", "edges",
    "cohort", "cohorts", "group", "compare", "label", "key", "title", "id", "username", "userId",
    "toyTime", "seconds", "mean", "histogram", "lower", "toyChapters", "rows", "chapter",
    "displayName", "standing", "percentile", "meta", "asOf", "totalCount", "pageInfo",
    "hasNextPage", "__typename", "__schema", "types", "fields", "nope",
)  # fmt: skip
ARGUMENTS = (
    "key", "first", "after", "filter", "orderBy", "userId", "username", "name", "id", "if",
    "groups",
)  # fmt: skip
TYPES = ("Query", "Course", "Student", "Viewer", "Node", "StudentFilter", "Nope")
TEXTS = ('""', '"course-v1:Uni+Big+2026"', '"\\u0000"', '"\\uD800"', '"""block"""', '"\\u{1F600}"')
NUMBERS = ("0", "-1", "25", "101", "2147483648", "1e400", "1.5", "-0", "9" * 400)
JUNK = (
    "{",
    "}",
    "(",
    ")",
    "$",
    "@",
    "...",
    ":",
    "|",
    "&",
    "!",
    "#",
    '"',
    "\ufeff",
    "\x00",
    "é",
    "😀",
)


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """One request, and what one could do to send it again."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Fuzzer:
    """Makes requests; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def request(self) -> Fuzzed:
        """The next request."""
        make = self._one_of(
            (self._question, self._question, self._question, self._json, self._raw, self._get)
        )
        made: Fuzzed = make()
        return made

    def document(self) -> str:
        """A document: mostly grammatical, sometimes a bomb, sometimes with a spanner thrown in."""
        text = self._one_of((self._grammatical, self._grammatical, self._grammatical, self._bomb))()
        if self._random.random() < 0.2:
            place = self._random.randrange(len(text) + 1)
            text = text[:place] + self._one_of(JUNK) + text[place + self._random.randrange(4) :]
        return str(text)

    def _question(self) -> Fuzzed:
        variables = f'{{"a": {self._value()}, "c": "course-v1:Uni+Big+2026", "n": {self._value()}}}'
        name = self._one_of(("", '"A"', "null", '"nope"', "1"))
        body = f'{{"query": {_quoted(self.document())}, "variables": {variables}'
        if name:
            body += f', "operationName": {name}'
        if self._random.random() < 0.1:
            body += f', "extensions": {self._value()}, "documentId": {self._value()}'
        return self._post(body + "}")

    def _json(self) -> Fuzzed:
        keys = ("query", "variables", "operationName", "extensions", "documentId", "x")
        pairs = (f'"{self._one_of(keys)}": {self._value()}' for _ in range(4))
        return self._post(self._one_of((f"{{{', '.join(pairs)}}}", self._value())))

    def _raw(self) -> Fuzzed:
        return self._post(self._random.randbytes(self._random.randrange(200)))

    def _get(self) -> Fuzzed:
        names = ("query", "variables", "extensions", "documentId", "operationName")
        pairs = "&".join(
            f"{self._one_of(names)}={quote(self._one_of((self.document(), self._value())))[:4000]}"
            for _ in range(self._random.randrange(4))
        )
        broken = self._one_of(("", "", "&query=%ff%fe", "&%00=%00", "&query=%ED%A0%80"))
        return Fuzzed("GET", f"/graphql?{pairs}{broken}", {}, b"")

    def _post(self, body: str | bytes) -> Fuzzed:
        raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
        if self._random.random() < 0.1 and raw:
            place = self._random.randrange(len(raw))
            raw = raw[:place] + self._random.randbytes(2) + raw[place + 1 :]
        kinds = ("application/json",) * 8 + ("text/plain", "application/json; charset=utf-16", "")
        headers = {"content-type": self._one_of(kinds)}
        if self._random.random() < 0.1:
            headers["accept"] = "application/graphql-response+json"
        if self._random.random() < 0.05:
            headers["x-request-id"] = "a" * self._random.randrange(200)
        return Fuzzed("POST", "/graphql", headers, raw)

    def _value(self, depth: int = 0) -> str:
        if depth < 4 and self._random.random() < 0.3:
            inner = [self._value(depth + 1) for _ in range(self._random.randrange(4))]
            if self._random.random() < 0.5:
                return f"[{', '.join(inner)}]"
            return "{" + ", ".join(f'"{self._one_of(ARGUMENTS)}": {one}' for one in inner) + "}"
        deep = self._random.choice((5, 2_000))
        return self._one_of(
            (*NUMBERS, "true", "null", '"x"', '"\\ud800"', "NaN", "1e308", "9" * 10_000,
             "[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep,
             "[" + "1," * 260 + "1]"),
        )  # fmt: skip

    def _grammatical(self) -> str:
        kinds = ("", "query A", "query A($c: ID!)", "query A($c: ID!, $n: Int, $a: Boolean = true)",
                 "mutation A", "subscription A", "query ($a: [Int!]!)")  # fmt: skip
        definitions = [
            f"{self._one_of(kinds)} {self._selection(0)}"
            for _ in range(self._random.choice((1, 1, 2)))
        ]
        definitions += [
            f"fragment F{number} on {self._one_of(TYPES)} {self._selection(2)}"
            for number in range(self._random.randrange(3))
        ]
        return " ".join(definitions)

    def _selection(self, depth: int) -> str:
        count = self._random.choice((1, 1, 2, 3)) if depth < 8 else 0
        return "{ " + " ".join(self._node(depth) for _ in range(count)) + " }"

    def _node(self, depth: int) -> str:
        which = self._random.random()
        if which < 0.1:
            return f"...F{self._random.randrange(3)}"
        if which < 0.15:
            return f"... on {self._one_of(TYPES)} {self._selection(depth + 1)}"
        text = self._one_of(("", "", "", "a: ", "b: ")) + self._one_of(FIELDS)
        if self._random.random() < 0.3:
            text += f"({self._one_of(ARGUMENTS)}: {self._literal()})"
        if self._random.random() < 0.1:
            text += f" @{self._one_of(('skip', 'include', 'nope'))}(if: {self._literal()})"
        return text + (" " + self._selection(depth + 1) if self._random.random() < 0.6 else "")

    def _literal(self) -> str:
        return self._one_of(
            (*TEXTS, *NUMBERS, "$c", "$n", "$a", "$nope", "true", "null", "ENUM",
             "{gradeBand: [PASS]}", "{indicator: TOY_TIME}", "[1, [2]]",
             "[" + "1 " * 300 + "]"),
        )  # fmt: skip

    def _bomb(self) -> str:
        count = self._random.choice((10, 40, 300, 3_000))
        return self._one_of(
            (
                "{ " + " ".join(f"a{n}: viewer {{ username }}" for n in range(count)) + " }",
                "{ " + "viewer { username } " * count + "}",
                "{ viewer " * count + "}" * count,
                "{ viewer { ...F0 } } "
                + " ".join(
                    f"fragment F{n} on Viewer {{ a: courses {{ nodes {{ key }} }} ...F{n + 1}"
                    f" ...F{n + 1} }}"
                    for n in range(min(count, 60))
                ),
                "{ ...F } fragment F on Query { viewer { username } ...F }",
                "{ viewer { username " + "@skip(if: false) " * count + "} }",
                " ".join(f"query A{n} {{ __typename }}" for n in range(count)),
                "{ courses(first: [" + "1 " * count + "]) { nodes { key } } }",
                '{ node(id: "' + "x" * count * 10 + '") { id } }',
            )
        )

    def _one_of(self, choices: Sequence[Any]) -> Any:
        return self._random.choice(choices)


def _quoted(text: str) -> str:
    """A JSON text with whatever is in it, halves of characters too."""
    return json.dumps(text)
