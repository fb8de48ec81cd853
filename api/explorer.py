"""The explorer: GraphiQL from vendored files, with example questions, and no other host."""

from __future__ import annotations

from pathlib import Path

from graphql import GraphQLSchema, parse, validate
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from api.http.messages import json_response

_FOLDER = Path(__file__).parent
_STATIC = _FOLDER / "static" / "graphiql"
_EXAMPLES = _FOLDER / "examples"
# GraphiQL's editor sets styles by script; nothing else may come from outside this page's origin.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def explorer_routes(schema: GraphQLSchema) -> list[BaseRoute]:
    """Routes of the page, its files and the examples that this schema can answer."""
    examples = read_examples(schema)

    async def page(_request: Request) -> Response:
        headers = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff"}
        return FileResponse(_STATIC / "index.html", headers=headers, media_type="text/html")

    async def listed(_request: Request) -> Response:
        return json_response(examples)

    return [
        Route("/graphiql", page, methods=["GET"]),
        Route("/graphiql/examples.json", listed, methods=["GET"]),
        Mount("/graphiql/static", StaticFiles(directory=_STATIC)),
    ]


def read_examples(schema: GraphQLSchema) -> list[dict[str, str]]:
    """Example questions by name; those about indicators that are not installed are left out."""
    found = []
    for path in sorted(_EXAMPLES.glob("*.graphql")):
        query = path.read_text(encoding="utf-8")
        if not validate(schema, parse(query)):
            found.append({"name": path.stem, "query": query})
    return found
