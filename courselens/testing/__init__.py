"""Test kit for plugins: tiny courses that read like sentences, and what must hold on them."""

from courselens.testing.builder import CourseBuilder
from courselens.testing.built import BuiltCourse, Course
from courselens.testing.checking import CHECKS, Checked, ContractBroken, check_indicator
from courselens.testing.goldens import Golden
from courselens.testing.live import run_live_course, run_live_students
from courselens.testing.loading import load_dataset
from courselens.testing.results import group_rows, student_rows
from courselens.testing.running import run_course, run_indicator
from courselens.testing.sample_course import sample_course
from courselens.testing.simulated import simulate_course
from courselens.testing.steps import Steps
from courselens.testing.worked_example import worked_example

__all__ = [
    "CHECKS",
    "BuiltCourse",
    "Checked",
    "ContractBroken",
    "Course",
    "CourseBuilder",
    "Golden",
    "Steps",
    "check_indicator",
    "group_rows",
    "load_dataset",
    "run_course",
    "run_indicator",
    "run_live_course",
    "run_live_students",
    "sample_course",
    "simulate_course",
    "student_rows",
    "worked_example",
]
