"""Test kit: tiny courses that read like sentences, and running an indicator on them."""

from courselens.testing.builder import CourseBuilder
from courselens.testing.running import run_course, run_indicator
from courselens.testing.worked_example import worked_example

__all__ = ["CourseBuilder", "run_course", "run_indicator", "worked_example"]
