"""Pieces of text about blocks that events and module states share, made once per simulation."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyarrow as pa

from courselens.simulator.course import Block, Course

HOST = "courses.simx.example"
MOST_INPUTS = 4
GRADES = MOST_INPUTS + 1  # texts per block: one for every number of right inputs


@dataclass(frozen=True, slots=True)
class Answers:
    """Texts of a learner's answer, at position `block * GRADES + raw points`."""

    answers: pa.Array
    correct_map: pa.Array
    submission: pa.Array
    form: pa.Array


def word_answers(courses: list[Course]) -> Answers:
    """Work out all answers that can occur."""
    answers: list[str] = []
    maps: list[str] = []
    submissions: list[str] = []
    forms: list[str] = []
    for course in courses:
        for block in course.blocks:
            for right in range(GRADES):
                texts = _answer(block, right) if block.inputs else ("{}", "{}", "{}", "")
                for kept, text in zip((answers, maps, submissions, forms), texts, strict=True):
                    kept.append(text)
    return Answers(
        *(pa.array(kept, pa.large_string()) for kept in (answers, maps, submissions, forms))
    )


def answer_id(block: Block, nth: int) -> str:
    """Id of a problem's input, counted from 0."""
    return f"{block.block_id}_{nth + 2}_1"


def courseware_path(course: Course, block: Block) -> str:
    """Path of the page that shows a block: its subsection, else the course's home."""
    found = block
    while found.parent >= 0 and found.type != "sequential":
        found = course.blocks[found.parent]
    if found.type != "sequential":
        return f"/courses/{course.key}/course/"
    chapter = course.blocks[found.parent]
    return f"/courses/{course.key}/courseware/{chapter.block_id}/{found.block_id}/"


def _answer(block: Block, right: int) -> tuple[str, str, str, str]:
    answers, marks, submission, form = {}, {}, {}, []
    for nth in range(block.inputs):
        name = answer_id(block, nth)
        is_right = nth < right
        # Every third problem wants text, whose quotes and line breaks are escaped twice on the way.
        typed = block.index % 3 == 0
        value = f'"x" =\n\t{nth}\\{int(is_right)}' if typed else f"choice_{int(is_right)}"
        answers[name] = value
        marks[name] = {
            "correctness": "correct" if is_right else "incorrect",
            "npoints": None,
            "msg": "",
            "hint": "",
            "hintmode": None,
            "queuestate": None,
            "answervariable": None,
        }
        submission[name] = {
            "question": f"Question {nth + 1}",
            "answer": value if typed else f"Answer {int(is_right)}",
            "response_type": "stringresponse" if typed else "multiplechoiceresponse",
            "input_type": "textline" if typed else "choicegroup",
            "correct": is_right,
            "variant": "",
            "group_label": "",
        }
        form.append(f"input_{name}=" + ("%22x%22" if typed else f"choice_{int(is_right)}"))
    return json.dumps(answers), json.dumps(marks), json.dumps(submission), "&".join(form)
