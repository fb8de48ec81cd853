import numpy as np

from courselens.simulator.visits import Visits, settle


def visits(learner, planned_us):
    size = len(learner)
    return Visits(
        learner=np.array(learner),
        seq=np.zeros(size, int),
        planned_us=np.array(planned_us),
        again=np.zeros(size, bool),
        mobile=np.zeros(size, bool),
        first_unit=np.zeros(size, int),
        units=np.ones(size, int),
    )


def test_a_visit_waits_for_the_end_of_the_one_before():
    begun = settle(visits([0, 0, 0], [100, 110, 200]), np.array([50, 20, 10]))
    # The second would start at 110, but the first lasts until 150; the third is free again.
    assert begun.tolist() == [100, 150, 200]


def test_learners_do_not_wait_for_each_other():
    begun = settle(visits([0, 1, 1, 2], [500, 100, 120, 90]), np.array([1000, 30, 1, 5]))
    assert begun.tolist() == [500, 100, 130, 90]


def test_no_visits_are_settled_without_fault():
    assert settle(visits([], []), np.zeros(0, int)).tolist() == []
