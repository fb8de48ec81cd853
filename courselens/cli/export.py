"""The verb `export`: a whole table of a course from the store, to a file or to standard output."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import orjson
import typer

from aggregates.reader import Reader
from aggregates.records import CourseRecord, RoleRecord
from aggregates.small_numbers import K_MIN
from api.access.policy import Access, ProfileFilters, Viewer, stand
from api.context import CourseSource
from api.documents.limits import Limits
from api.exports.export import Export
from api.exports.own import OwnExport
from api.exports.question import (
    OWN,
    ROSTER,
    ExportQuestion,
    Form,
    check_form,
    read_export_question,
)
from api.schema.assembled import assemble
from courselens.cli.console import Report, err, progress_bar
from courselens.domain import GLOBAL_STAFF, Level
from courselens.errors import BadParameter, CourselensError, UnknownCourse
from courselens.installed import load_installed
from courselens.settings import Settings
from courselens.storage import open_store

_OPERATOR = Viewer(0, "operator")
_SEES_ALL = (RoleRecord(None, None, GLOBAL_STAFF),)
"""Whoever may run this can read the database itself; what only a student may see is left out,
unless it is asked for by the student's id."""


class NotWritten(CourselensError):
    """A file that could not be written; there is none of this name, or the old one."""

    code = "NOT_WRITTEN"

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}; nothing was written")


class _ReaderGone(Exception):
    """Nobody reads standard output any more."""


def export(
    course: Annotated[str, typer.Argument(help="Course key.")],
    table: Annotated[
        str,
        typer.Argument(
            help="`roster`, the key of an indicator (`indicators list`), or `own`: every table of "
            "the student that `--user-id` names, in one JSON document."
        ),
    ],
    level: Annotated[
        Level | None,
        typer.Option(help="Whom the rows of an indicator are about; the course by default."),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(help="Part of the result: `rows`, `values`, `summary`, `histogram`, others."),
    ] = None,
    indicators: Annotated[
        str | None,
        typer.Option(help="Beside the roster: values of these, with commas between; or `all`."),
    ] = None,
    filter: Annotated[
        str | None, typer.Option(help="Which students: a `StudentFilter` of the schema, as JSON.")
    ] = None,
    order_by: Annotated[
        str | None, typer.Option(help="Their order: a `StudentOrder` of the schema, as JSON.")
    ] = None,
    user_id: Annotated[
        int | None,
        typer.Option(help="Only rows of this student, and all that the student may see of them."),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option(
            "--format", help="Form of the file; by default what its name ends in, or csv."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; standard output if not given.")
    ] = None,
) -> None:
    """Write a table of a course, as it was last refreshed, as CSV, JSON lines or Parquet.

    Everything is from one run. A file is there when it is complete, and not before; beside CSV and
    JSON lines stands `<name>.meta.json`, which says what the columns are, how the numbers were
    made, and why some are missing. It is written with the right of global staff, or with
    `--user-id` with that of the student.
    """
    if user_id is not None and level is None and table not in (ROSTER, OWN):
        level = Level.STUDENT
    given = {
        "level": level.value if level else None,
        "part": part,
        "indicators": indicators,
        "filter": filter,
        "orderBy": order_by,
        "own": None if user_id is None or table == OWN else "true",
    }
    parameters = [(name, text) for name, text in given.items() if text is not None]
    question = read_export_question(course, table, parameters, Limits(), user_id=user_id)
    form = form or _form_of(out, Form.JSON if table == OWN else Form.CSV)
    check_form(question, form)
    try:
        with progress_bar() as report:
            written = asyncio.run(_export(Settings(), question, form, out, report))
    except asyncio.CancelledError:
        err.print("told to stop; nothing was written" if out else "told to stop")
        raise typer.Exit(128 + signal.SIGTERM) from None
    except _ReaderGone:
        # Who read standard output has had enough, as `head` has; there is no use in saying so.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    told = f"written: {written}" + (f" to {out}" if out else "")
    err.print(told, highlight=False, markup=False, soft_wrap=True)


async def _export(
    settings: Settings, question: ExportQuestion, form: Form, out: Path | None, report: Report
) -> str:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - asyncio.run makes one
    # As Ctrl-C does: what was begun is taken away.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    registry = await asyncio.to_thread(load_installed, settings)
    assembled = assemble(registry, ProfileFilters(settings.profile_filters))
    async with (
        open_store(settings, registry) as store,
        store.snapshot(patience_seconds=settings.export_deadline_seconds) as snapshot,
    ):
        record = await snapshot.reader.course(question.course_key)
        if record is None:
            stored = await snapshot.reader.courses(None, after=None, first=20)
            raise UnknownCourse(question.course_key, [one.course_key for one in stored])
        filters = assembled.catalog.profile_filters
        access = await _access(snapshot.reader, record, question.own, filters)
        source = CourseSource(record, access)
        opening = OwnExport if question.table == OWN else Export
        made = await opening.open(assembled, snapshot, source, question, k_min=K_MIN)
        meta = _meta(made)
        if form is Form.META:
            with _opened(out) as file:
                file.write(meta)
            return "what the table is"
        with _opened(out) as file:
            async with aclosing(made.pieces(form)) as pieces:
                async for piece, done in pieces:
                    file.write(piece)
                    report(question.table, done, made.rows)
            if out is not None and form in (Form.CSV, Form.JSON_LINES):
                # Before the table takes its place: where that is, it can be understood.
                with _opened(out.with_name(f"{out.stem}.{Form.META}")) as beside:
                    beside.write(meta)
        return f"{made.rows} rows"


async def _access(
    reader: Reader, record: CourseRecord, user_id: int | None, filters: ProfileFilters
) -> Access:
    """As whom the policy is asked: the operator, or the student whose rows are wanted.

    Raises:
        BadParameter: there is no such student of the course now.
    """
    if user_id is None:
        return stand(_OPERATOR, _SEES_ALL, record, is_enrolled=False, profile_filters=filters)
    student = await reader.student(record, user_id=user_id)
    if student is None or not student.in_l:
        raise BadParameter("user-id", user_id, "a student who is enrolled in the course")
    return stand(Viewer(user_id, ""), (), record, is_enrolled=True, profile_filters=filters)


def _meta(made: Export | OwnExport) -> bytes:
    """What stands beside a file; of an own document nothing does."""
    if isinstance(made, OwnExport):
        return b""
    return orjson.dumps(made.meta(), option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z) + b"\n"


def _form_of(out: Path | None, default: Form) -> Form:
    """The form that a file's name says."""
    if out is None or not out.suffix:
        return default
    for form in Form:
        if out.name.endswith(f".{form}"):
            return form
    raise BadParameter("format", out.name, f"given, or a name that ends in {' | '.join(Form)}")


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[Any]]:
    """A file that takes its place when it is complete, or standard output."""
    if path is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise _ReaderGone from error
        return
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            begun = Path(file.name)
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                begun.chmod(0o666 & ~_umask())
                begun.replace(path)
            except BaseException:
                begun.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise NotWritten(path, error.strerror or str(error)) from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
