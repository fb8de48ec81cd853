"""Writes the reference pages that follow from the code: settings, commands, access, errors, ...

`python docs/generate.py` writes them; `--check` fails when one is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer.main
from typer.core import TyperGroup

from aggregates.records import CourseRecord, RoleRecord
from api.access.policy import (
    ORG_ROLES,
    TEAM_ROLES,
    ProfileFilters,
    Reach,
    Viewer,
    decide,
    stand,
)
from api.codes import EXPLAINED, ErrorCode
from api.documents.limits import Limits
from api.errors import ERROR_LIMIT
from api.schema.assembled import assemble
from api.schema.reference import schema_page
from courselens.cli.indicators import describe
from courselens.cli.main import app
from courselens.domain import GLOBAL_STAFF, Level
from courselens.settings import Settings
from docs.plugin_reference import plugin_reference
from indicators.contract import Privacy
from indicators.registry import Registry, load_registry

REFERENCE = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """Every generated page by file name."""
    return {
        "settings.md": _page(_settings()),
        "indicators.md": _page(_indicators(load_registry())),
        "commands.md": _page(_commands()),
        "access.md": _page(_access()),
        "errors.md": _page(_errors()),
        "schema.md": _page(schema_page(assemble(load_registry()).schema)),
        "../plugins/reference.md": _page(plugin_reference()),
    }


def _page(lines: Iterator[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield "Read once from environment variables. Generated from `courselens/settings.py`.\n"
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for name, field in Settings.model_fields.items():
        default = "not set" if field.default is None else f"`{field.default}`"
        yield f"| `COURSELENS_{name.upper()}` | {default} | {field.description} |"


def _indicators(registry: Registry) -> Iterator[str]:
    yield "# Indicators\n"
    yield "Generated from the registry of what this distribution ships.\n"
    for key, one in registry.indicators.items():
        if one.provider != "courselens":
            continue
        described = describe(registry, key)
        yield f"## `{key}`: {one.title}\n"
        yield f"{described['description']}\n"
        yield f"Levels: {described['levels']}. Unit: {one.unit}. Version {one.version}.\n"
        yield f"Needs: {described['needs']}. Privacy: {described['privacy']}.\n"
        yield "| parameter | default | allowed | meaning |"
        yield "|---|---|---|---|"
        for parameter in described["parameters"]:
            default = "" if parameter["default"] is None else f"`{parameter['default']}`"
            allowed = parameter["allowed"].replace("|", "\\|")
            yield f"| `{parameter['name']}` | {default} | {allowed} | {parameter['description']} |"
        yield "\n| level | part | field | kind | meaning |"
        yield "|---|---|---|---|---|"
        for field in described["fields"]:
            kind = f"{field['kind']}, key" if field["key"] else field["kind"]
            yield (
                f"| {field['level']} | {field['part']} | `{field['field']}` | {kind} | "
                f"{field['description']} |"
            )
        yield ""


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "What `courselens VERB --help` says. Generated.\n"
    yield from _command("courselens", typer.main.get_command(app))


def _command(path: str, command: Any) -> Iterator[str]:
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            yield from _command(f"{path} {name}", below)
        return
    yield f"## `{path}`\n"
    yield f"{command.help}\n"
    yield "| option | default | meaning |"
    yield "|---|---|---|"
    for parameter in command.params:
        is_argument = parameter.param_type_name == "argument"
        option = parameter.name.upper() if is_argument else " / ".join(parameter.opts)
        default = parameter.default
        shown = "" if default is None or callable(default) else f"`{default}`"
        yield f"| `{option}` | {shown} | {parameter.help or ''} |"
    yield ""


def _errors() -> Iterator[str]:
    yield "# Errors and limits of the API\n"
    yield "Generated from `api/codes.py` and `api/documents/limits.py`.\n"
    yield (
        "A failure is an entry of `errors` with the `path` of the field that failed; the other "
        "fields are answered. `extensions` says what kind it is and whether trying again can help:"
    )
    yield """
```json
{"message": "you may not see the cohorts of this course",
 "path": ["course", "cohorts"],
 "extensions": {"code": "FORBIDDEN", "retryable": false, "requestId": "6f0c…"}}
```
"""
    yield (
        "`requestId` is also the answer's header `x-request-id` and stands in the server's log. "
        "Send your own in the request's header `x-request-id` (letters, digits, `.`, `_`, `-`, at "
        "most 64). The list below is complete, and it is the enum `ErrorCode` of the schema. At "
        f"most {ERROR_LIMIT} errors are told; `extensions.errorsLeftOut` counts the others.\n"
    )
    yield (
        "A value that is merely missing is no error: it is null, and `meta` says why "
        "(`missingSource`, `status`, `suppressed`).\n"
    )
    yield "| code | try again | meaning |"
    yield "|---|---|---|"
    for code in ErrorCode:
        explained = EXPLAINED[code]
        yield f"| `{code}` | {'yes' if explained.retryable else 'no'} | {explained.text} |"
    yield "\n## Limits\n"
    yield (
        "Fields, aliases and directives of a fragment count as often as it is spread. "
        "[Points](../decisions/0115-points.md) are told in `extensions.cost` of every answer.\n"
    )
    yield "| limit | any document | registered document |"
    yield "|---|---|---|"
    plain, registered = Limits(), Limits().for_registered()
    for field in fields(Limits):
        pair = (getattr(plain, field.name), getattr(registered, field.name))
        name = field.name.replace("_", " ")
        yield f"| {name} | {pair[0]:,g} | {pair[1]:,g} |"


_ORG, _KEY = "Uni", "course-v1:Uni+A+1"
_OTHER_ROLES = (
    "beta_testers", "ccx_coach", "finance_admin", "library_user", "sales_admin",
)  # fmt: skip


def _access() -> Iterator[str]:
    yield "# Who sees what\n"
    yield "Generated from `api/access/policy.py`; [access](../access.md) tells the rest."
    yield "*facts* are what a subject is by itself: the course's title, a cohort's size, a"
    yield "student's row of the roster. The other columns are the privacy classes of an"
    yield "indicator; one with several is seen by whoever sees any of them. *protected* passes"
    yield "the rules for small numbers. Who uses profiles is as under"
    yield "`COURSELENS_PROFILE_FILTERS=data_researcher`: with `team`, the default, the whole team"
    yield "does, with `off` nobody.\n"
    columns = [
        (title, level, own, privacy)
        for title, level, own in (
            ("course", Level.COURSE, False),
            ("group", Level.GROUP, False),
            ("oneself", Level.STUDENT, True),
            ("another student", Level.STUDENT, False),
        )
        for privacy in (None, *Privacy)
    ]
    names = [f"{title}: {privacy or 'facts'}" for title, _, _, privacy in columns]
    yield f"| who | {' | '.join(names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for name, viewer, roles, is_enrolled in _principals():
        access = stand(
            viewer,
            roles,
            _course(),
            is_enrolled=is_enrolled,
            profile_filters=ProfileFilters.DATA_RESEARCHER,
        )
        grants = [
            decide(access, level, None if privacy is None else (privacy,), own=own).value
            for _, level, own, privacy in columns
        ]
        cells = ("" if grant == "denied" else grant for grant in grants)
        yield f"| {name} | {' | '.join(cells)} |"
    yield "\nGraphQL, subscriptions and [files](../exports.md) follow the same columns. Of files:\n"
    yield "- `level=course` and `level=group`: those of the course and of groups;"
    yield "- `roster` and `level=student`: *another student*, also where the only one that is"
    yield "  left is oneself; with `own=true`: *oneself*;"
    yield "- `part=standing`: the same, and what the course's column says of the indicator: *exact*"
    yield "  gives exact places, *protected* one's own in steps."


def _principals() -> Iterator[tuple[str, Viewer, list[RoleRecord], bool]]:
    """Kinds of viewers: a name, the viewer, all roles, whether a student of the course."""
    plain, me = Viewer(1, "ana"), Viewer(1, "ana", Reach(only_self=True))
    here, elsewhere = Reach(orgs=frozenset({_ORG})), Reach(orgs=frozenset({"Other"}))
    team = [RoleRecord(_ORG, _KEY, "staff")]
    everything = [RoleRecord(None, None, GLOBAL_STAFF)]
    yield "student of the course", plain, [], True
    yield "not enrolled", plain, [], False
    for role in sorted(TEAM_ROLES):
        yield f"`{role}` of the course", plain, [RoleRecord(_ORG, _KEY, role)], False
        if role in ORG_ROLES:
            yield f"`{role}` of its organisation", plain, [RoleRecord(_ORG, None, role)], False
        elsewhere_too = [RoleRecord(_ORG, f"{_KEY}x", role), RoleRecord("Other", None, role)]
        yield f"`{role}` of other courses", plain, elsewhere_too, False
    yield "global staff", plain, everything, False
    for role in _OTHER_ROLES:
        yield f"`{role}`", plain, [RoleRecord(_ORG, _KEY, role)], False
    yield "`staff`, token with `content_org` of the course", Viewer(1, "ana", here), team, False
    yield "`staff`, token with another `content_org`", Viewer(1, "ana", elsewhere), team, False
    yield (
        "global staff, token with another `content_org`",
        Viewer(1, "", elsewhere),
        everything,
        False,
    )
    yield "`staff`, token with `user:me`", me, team, False
    yield "student, token with `user:me`", me, [], True
    yield "student, token with another `content_org`", Viewer(1, "ana", elsewhere), [], True
    yield "restricted client without `content_org`", Viewer(1, "", Reach(frozenset())), team, True
    yield "`staff` whose account is inactive", Viewer(1, "", Reach(has_roles=False)), team, False


def _course() -> CourseRecord:
    nothing = dict.fromkeys(field.name for field in fields(CourseRecord))
    return CourseRecord(**{**nothing, "course_key": _KEY, "org": _ORG})


def main() -> None:
    """Write the pages, or check them."""
    stale = []
    for name, text in pages().items():
        path = REFERENCE / name
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            REFERENCE.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        sys.exit(f"stale: {', '.join(stale)}; run `make docs`")


if __name__ == "__main__":
    main()
