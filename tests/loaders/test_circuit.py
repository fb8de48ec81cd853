from __future__ import annotations

import pytest

from courselens.errors import SourceUnavailable
from loaders.circuit import Circuit


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def circuit(clock):
    return Circuit("mysql", failures=3, cool_down_seconds=10, clock=clock)


def fail(circuit, times):
    for _ in range(times):
        circuit.check()
        circuit.fail()


def test_failures_in_a_row_open_it(circuit):
    fail(circuit, 2)
    assert not circuit.is_open
    fail(circuit, 1)
    assert circuit.is_open
    with pytest.raises(SourceUnavailable, match=r"failed 3 times, next try in 10\.0 s"):
        circuit.check()


def test_a_success_between_failures_keeps_it_closed(circuit):
    fail(circuit, 2)
    circuit.succeed()
    fail(circuit, 2)
    assert not circuit.is_open


def test_after_the_cool_down_one_probe_passes(circuit, clock):
    fail(circuit, 3)
    clock.now = 10.0
    circuit.check()
    with pytest.raises(SourceUnavailable):
        circuit.check()


def test_a_probe_that_succeeds_closes_it(circuit, clock):
    fail(circuit, 3)
    clock.now = 10.0
    circuit.check()
    circuit.succeed()
    circuit.check()
    assert not circuit.is_open


def test_a_probe_that_fails_opens_it_again_at_once(circuit, clock):
    fail(circuit, 3)
    clock.now = 10.0
    fail(circuit, 1)
    clock.now = 19.9
    with pytest.raises(SourceUnavailable):
        circuit.check()


def test_a_probe_that_is_given_up_lets_another_one_pass(circuit, clock):
    fail(circuit, 3)
    clock.now = 10.0
    circuit.check()
    circuit.give_up()
    circuit.check()
