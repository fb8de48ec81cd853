import numpy as np
import pytest

from courselens.simulator.course import build_course
from courselens.simulator.grading import final_percent
from courselens.simulator.options import Options
from courselens.simulator.outline import outline_course


@pytest.fixture
def outline():
    # Six chapters: six homework subsections (one dropped, weight 0.6), two exams (weight 0.4).
    return outline_course(build_course(Options(weeks=6), 0))


def test_the_worst_homework_is_dropped_and_exams_are_averaged(outline):
    assert outline.seq_type[outline.seq_graded].tolist() == [0, 0, 0, 0, 1, 0, 0, 1]
    earned = np.array([[4.0, 4, 2, 0, 10, 4, 4, 5]])
    possible = np.array([[4.0, 4, 4, 4, 10, 4, 4, 10]])
    # Homework: (1 + 1 + .5 + 1 + 1) / 5 = 0.9; exams: (1 + .5) / 2 = 0.75.
    # 0.9 * 0.6 + 0.75 * 0.4 = 0.84
    assert final_percent(outline, earned, possible).tolist() == [84]


def test_grades_are_rounded_up_from_just_below_a_half(outline):
    possible = np.full((1, 8), 100.0)
    earned = np.zeros((1, 8))
    earned[0, 4] = 27.3  # 0.4 * 0.273 / 2 = 5.46 %; with 0.05 more it is above the half
    assert final_percent(outline, earned, possible).tolist() == [6]


def test_a_subsection_without_points_counts_as_nothing(outline):
    zero = np.zeros((1, 8))
    assert final_percent(outline, zero, zero).tolist() == [0]
