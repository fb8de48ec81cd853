"""Database rows that agree with the events: module states, completion."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from courselens.simulator.columns import join
from courselens.simulator.course import DRAWN
from courselens.simulator.events import EVENT, Array, Kind
from courselens.simulator.options import SECOND_US
from courselens.simulator.people import People
from courselens.simulator.roster import SPEEDS
from courselens.simulator.truth import Truth


def instants(at_us: Array, known: Array | None = None) -> pa.Array:
    """Whole seconds, as exports have them; null where not `known`."""
    mask = None if known is None else ~known
    return pa.array(at_us // SECOND_US, pa.timestamp("s"), mask=mask)


def module_states(truth: Truth, people: People, columns: pa.Arrays, first_block: int) -> pa.Table:
    """Rows of `courseware_studentmodule`, in the order of learners."""
    parts = [
        _problems(truth, columns, first_block),
        _videos(truth, columns, first_block),
        *_positions(truth),
        _libraries(truth, columns, first_block),
    ]
    table = pa.concat_tables(parts)
    order = pc.sort_indices(table, [("learner", "ascending"), ("block", "ascending")])
    table = table.take(order)
    learner, block = (table[name].to_numpy() for name in ("learner", "block"))
    rows = _as_rows(block + first_block)
    return pa.table(
        {
            "id": np.arange(len(rows)),
            "module_type": columns.column("block_type", rows),
            "module_id": columns.column("block_key", rows),
            "student_id": people.user_id[truth.roster.who[learner]],
            "state": table["state"],
            "grade": table["grade"],
            "created": instants(table["created_us"].to_numpy()),
            "modified": instants(table["modified_us"].to_numpy()),
            "max_grade": table["max_grade"],
            "done": pa.array(["na"] * len(rows), pa.string()),
            "course_id": columns.column("course_key", rows),
        }
    )


def block_completions(
    truth: Truth, people: People, columns: pa.Arrays, first_block: int
) -> pa.Table:
    """Rows of `completion_blockcompletion`."""
    done = truth.completions
    rows = _as_rows(done["block"] + first_block)
    at = instants(done["at_us"])
    return pa.table(
        {
            "id": np.arange(len(done)),
            "created": at,
            "modified": at,
            "course_key": columns.column("course_key", rows),
            "block_key": columns.column("block_key", rows),
            "block_type": columns.column("block_type", rows),
            "completion": np.ones(len(done)),
            "user_id": people.user_id[truth.roster.who[done["who"]]],
        }
    )


def _as_rows(block: Array) -> Array:
    rows: Array = np.zeros(len(block), EVENT)
    rows["block"] = block
    return rows


def _part(
    learner: Array,
    block: Array,
    state: pa.Array,
    created_us: Array,
    modified_us: Array,
    grade: pa.Array | None = None,
    max_grade: pa.Array | None = None,
) -> pa.Table:
    nothing = pa.nulls(len(learner), pa.float64())
    return pa.table(
        {
            "learner": pa.array(learner, pa.int64()),
            "block": pa.array(block, pa.int64()),
            "state": state,
            "created_us": pa.array(created_us, pa.int64()),
            "modified_us": pa.array(modified_us, pa.int64()),
            "grade": nothing if grade is None else grade,
            "max_grade": nothing if max_grade is None else max_grade,
        }
    )


def _ends(rows: Array, key: Array) -> tuple[Array, Array]:
    """Positions of the first and the last row of each key, in the order of the keys."""
    first = np.unique(key, return_index=True)[1]
    last = len(key) - 1 - np.unique(key[::-1], return_index=True)[1]
    return first, last


def _key(truth: Truth, rows: Array, block: Array | None = None) -> Array:
    block = rows["block"] if block is None else block
    return np.asarray(rows["who"].astype(np.int64) * len(truth.outline.block_type) + block)


def _problems(truth: Truth, columns: pa.Arrays, first_block: int) -> pa.Table:
    kind = truth.rows["kind"]
    met = truth.rows[(kind == Kind.PROBLEM_GET) | (kind == Kind.CHECK)]
    first, last = _ends(met, _key(truth, met))
    final = met[last].copy()
    checks = met[met["kind"] == Kind.CHECK]
    key = _key(truth, checks)
    _, last_check = _ends(checks, key)
    submitted = np.isin(_key(truth, final), key)
    # Both are in the order of keys, so the last submissions fall in place.
    for field in ("at_us", "a", "b"):
        final[field][submitted] = checks[field][last_check]
    site = final.copy()
    site["block"] += first_block
    answered = join(
        '{"attempts": ', columns.column("a", site),
        ', "seed": 1, "done": true, "student_answers": ', columns.column("answers", site),
        ', "correct_map": ', columns.column("correct_map", site),
        ', "input_state": {}, "has_saved_answers": false, "last_submission_time": "',
        pc.strftime(instants(final["at_us"]), "%Y-%m-%dT%H:%M:%SZ").cast(pa.large_string()),
        '", "score": {"raw_earned": ', columns.column("b", site),
        ', "raw_possible": ', columns.column("max_grade", site), "}}",
    )  # fmt: skip
    mask = pa.array(submitted)
    inputs = truth.outline.inputs[final["block"]].astype(float)
    return _part(
        final["who"],
        final["block"],
        pc.if_else(mask, answered, pa.scalar('{"seed": 1, "input_state": {}}', pa.large_string())),
        met["at_us"][first],
        met["at_us"][last],
        pa.array(final["b"].astype(float), mask=~submitted),
        pa.array(inputs, mask=~submitted),
    )


def _videos(truth: Truth, columns: pa.Arrays, first_block: int) -> pa.Table:
    saved = truth.rows[
        (truth.rows["kind"] == Kind.SAVE_STATE) | (truth.rows["kind"] == Kind.MOBILE_PAUSE)
    ]
    first, last = _ends(saved, _key(truth, saved))
    final = saved[last]
    speed = pa.array(SPEEDS, pa.large_string()).take(
        pa.array(truth.roster.speed[final["who"]].astype(np.int64))
    )
    state = join(
        '{"saved_video_position": "', columns.column("a_clock", final),
        '", "speed": ', speed, ', "transcript_language": "en"}',
    )  # fmt: skip
    return _part(final["who"], final["block"], state, saved["at_us"][first], saved["at_us"][last])


def _positions(truth: Truth) -> list[pa.Table]:
    """Last visited child of every subsection, chapter and of the course."""
    outline = truth.outline
    blocks = outline.course.blocks
    rank = np.zeros(len(blocks), np.int64)  # 1-based place among the siblings
    seen: dict[int, int] = {}
    for block in blocks:
        seen[block.parent] = rank[block.index] = seen.get(block.parent, 0) + 1
    kind = truth.rows["kind"]
    turns = truth.rows[(kind == Kind.GOTO_POSITION) | (kind == Kind.COURSEWARE_VIEW)]
    chapter = outline.chapter[turns["block"]]
    parts = []
    for visited, position in (
        (turns["block"], np.where(turns["kind"] == Kind.GOTO_POSITION, turns["b"], 1)),
        (chapter, rank[turns["block"]]),
        (np.zeros(len(turns), np.int64), rank[chapter]),
    ):
        first, last = _ends(turns, _key(truth, turns, visited))
        state = join('{"position": ', pa.array(position[last]).cast(pa.large_string()), "}")
        parts.append(
            _part(
                turns["who"][last],
                visited[last],
                state,
                turns["at_us"][first],
                turns["at_us"][last],
            )
        )
    return parts


def _libraries(truth: Truth, columns: pa.Arrays, first_block: int) -> pa.Table:
    """What the library drew for those who met it."""
    outline, learner = truth.outline, truth.in_library
    drawn = np.flatnonzero(outline.drawn)
    blocks = outline.course.blocks
    rows = truth.rows[outline.drawn[truth.rows["block"]]]
    first, last = _ends(rows, rows["who"])
    sees = truth.roster.sees[learner][:, drawn]
    pairs = [f'["problem", "{blocks[index].block_id}"]' for index in drawn.tolist()]
    states = [
        '{"selected": [' + ", ".join(pairs[nth] for nth in np.flatnonzero(mine)[:DRAWN]) + "]}"
        for mine in sees
    ]
    library = blocks[int(drawn[0])].parent if len(drawn) else 0
    return _part(
        learner,
        np.full(len(learner), library),
        pa.array(states, pa.large_string()),
        rows["at_us"][first],
        rows["at_us"][last],
    )
