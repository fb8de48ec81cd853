"""States of learners on blocks, their history, completion."""

from __future__ import annotations

from loaders import datasets
from loaders.mysql.reads import Changes, Joined, Path, Read
from loaders.tables import states
from loaders.tables.queries import QUERY_OF, TableQuery
from loaders.tables.specs import TABLE_SPECS, TableSpec

_STATE = TABLE_SPECS["courseware_studentmodule"]
_COMPLETION = TABLE_SPECS["completion_blockcompletion"]

MODULE_STATES = Read(
    "module_states",
    QUERY_OF["module_states"],
    (Joined(_STATE, "m"),),
    by_course=(Path("m.course_id = %(course_key)s", ("m.id",), ("course_id",)),),
    by_users=(
        Path(
            "m.student_id IN %(user_ids)s AND m.course_id = %(course_key)s",
            ("m.student_id", "m.module_id"),
            ("student_id", "module_id", "course_id"),
        ),
    ),
    changes=Changes(
        Path("", ("m.id",), ("id",)), by_time=Path("", ("m.modified", "m.id"), ("modified",))
    ),
)

COMPLETIONS = Read(
    "completions",
    QUERY_OF["completions"],
    (Joined(_COMPLETION, "b"),),
    by_course=(
        Path(
            "b.course_key = %(course_key)s",
            ("b.block_key", "b.user_id"),
            ("course_key", "block_key", "user_id"),
        ),
    ),
    by_users=(
        Path(
            "b.user_id IN %(user_ids)s AND b.course_key = %(course_key)s",
            ("b.id",),
            ("user_id", "course_key"),
        ),
    ),
    changes=Changes(Path("", ("b.id",), ("id",))),
)

# The history knows neither course nor learner; both come from the state that it belongs to, which
# may be in another database.
_OWNER = TableSpec(
    "saved_state",
    {"id": "int", "student_id": "int", "module_id": "text", "course_id": "text"},
    ("id", "student_id", "module_id", "course_id"),
    (),
)
_OWNERS = Read(
    "state_owners",
    QUERY_OF["module_states"],
    (Joined(_OWNER, "m", physical=_STATE.name),),
    by_course=(
        Path(
            "m.course_id = %(course_key)s AND m.module_type = 'problem'", ("m.id",), ("course_id",)
        ),
    ),
    by_users=(
        Path(
            "m.student_id IN %(user_ids)s AND m.course_id = %(course_key)s"
            " AND m.module_type = 'problem'",
            ("m.student_id", "m.module_id"),
            ("student_id", "module_id", "course_id"),
        ),
    ),
)
_DERIVED = ("attempts", "done", "last_submission")


def _history(name: str, table: str, database: str) -> Read:
    is_extended = database == "history"
    spec = TableSpec(
        table,
        {
            "id": "int",
            "student_module_id": "int",
            "created": "instant",
            "grade": "float",
            "max_grade": "float",
        },
        ("id", "student_module_id", "created"),
        (),
        raw=("state",),
        steps=states.STEPS,
        derived={column: states.COLUMNS[column] for column in _DERIVED},
        derived_kinds={column: states.KINDS[column] for column in _DERIVED},
        unreadable=states.UNREADABLE,
    )
    sql = f"""SELECT s.course_id AS course_key, s.student_id AS user_id, s.module_id AS block_key,
        h.id AS history_id, {is_extended} AS extended, h.created AS saved_us, h.grade, h.max_grade,
        h.attempts, h.done, h.last_submission AS last_submission_us, h.seq
        FROM {table} AS h JOIN {_OWNER.name} AS s ON s.id = h.student_module_id"""
    path = Path(
        "h.student_module_id IN %(parents)s",
        ("h.student_module_id", "h.id"),
        ("student_module_id",),
        parents=_OWNERS,
    )
    return Read(
        name,
        TableQuery(datasets.MODULE_STATE_HISTORY, ((table,),), sql),
        (Joined(spec, "h"),),
        by_course=(path,),
        by_users=(path,),
        database=database,
    )


HISTORY = _history("state_history", "courseware_studentmodulehistory", "main")
EXTENDED_HISTORY = _history(
    "extended_state_history",
    "coursewarehistoryextended_studentmodulehistoryextended",
    "history",
)

READS = (MODULE_STATES, COMPLETIONS, HISTORY, EXTENDED_HISTORY)
