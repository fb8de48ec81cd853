"""The verb `retire`: a person out of all that is kept, with proof."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from courselens.cli.console import Report, err, progress_bar, show, show_json
from courselens.cli.data import AsJson
from courselens.installed import load_installed
from courselens.retiring import Asked, Retirement
from courselens.retiring import retire as retire_users
from courselens.settings import Settings
from courselens.storage import open_store


def retire(
    user_ids: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="[USER_ID]...",
            min=1,
            help="`auth_user.id` of each. With nobody named: finish what was begun, or else look "
            "for everybody who was ever retired.",
        ),
    ] = None,
    username: Annotated[
        list[str] | None,
        typer.Option(help="A name they have or had; several. Those that are kept are found."),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(help="An e-mail address or other text to look for at the end; several."),
    ] = None,
    from_platform: Annotated[
        bool, typer.Option(help="Everybody whom the platform has retired, as its copies tell.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Show what there is, and remove nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take users out of all that is kept, and keep them out; then look whether anything is left.

    Workers and API may run. Killed, it can be run again. Exit code 1 if something is left.
    """
    asked = Asked(user_ids or (), username or (), text or (), from_platform)
    with progress_bar() as report:
        done = asyncio.run(_retire(asked, report, dry_run=dry_run))
    rows = [
        {"place": place, "removed": done.removed.get(place, 0), "found": done.found.get(place, 0)}
        for place in sorted({*done.removed, *done.found})
    ]
    if as_json:
        show_json(rows)
    elif done.user_ids:
        told = [row for row in rows if row["removed"] or row["found"]]
        show(told, title="Looked for" if dry_run else "Retired")
    err.print(_summary(done, places=len(done.found), dry_run=dry_run), highlight=False)
    if done.left and not dry_run:
        raise typer.Exit(1)


async def _retire(asked: Asked, report: Report, *, dry_run: bool) -> Retirement:
    settings = Settings()
    registry = await asyncio.to_thread(load_installed, settings)
    async with open_store(settings, registry) as store:
        return await retire_users(settings, store, asked, progress=report, dry_run=dry_run)


def _summary(done: Retirement, *, places: int, dry_run: bool) -> str:
    if not done.user_ids:
        return "nobody is to be retired"
    others = (
        f"; {done.names_of_others} names belong to others now and were left alone"
        if done.names_of_others
        else ""
    )
    if dry_run:
        return f"{done.left} rows in {places} places; nothing was removed{others}"
    if done.left:
        return (
            f"{done.left} rows are left, see above{others}. Run it again; what stays is a text "
            "that holds the name, or a place that only you can clean"
        )
    courses = len(done.course_keys)
    return f"nothing is left in {places} places; {courses} courses wait for a refresh{others}"
