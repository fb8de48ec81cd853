"""Parameters: ranges, kinds, time zones."""

from __future__ import annotations

import copy
import pickle

import pytest

from courselens.domain import Window
from courselens.errors import BadParameter
from indicators.parameters import COMMON, Parameter, Parameters, check_values

LIMIT = Parameter("limit", int, 5, "A limit.", minimum=1, maximum=10)
SHARE = Parameter("share", float, None, "A share.", minimum=0)
KIND = Parameter("kind", str, "a", "A kind.", choices=("a", "b"))
FLAG = Parameter("flag", bool, False, "A flag.")


@pytest.mark.parametrize(
    ("parameter", "given", "value"),
    [
        (LIMIT, 10, 10), (LIMIT, "7", 7), (LIMIT, 3.0, 3),
        (SHARE, "0.5", 0.5), (SHARE, None, None), (SHARE, 2, 2.0),
        (KIND, "b", "b"),
        (FLAG, "TRUE", True), (FLAG, False, False),
    ],
)  # fmt: skip
def test_values_are_read_in_the_parameters_kind(parameter, given, value):
    assert parameter.check(given) == value
    assert type(parameter.check(given)) is type(value)


@pytest.mark.parametrize(
    ("parameter", "given", "allowed"),
    [
        (LIMIT, 0, "a whole number from 1 to 10"), (LIMIT, 11, "from 1 to 10"),
        (LIMIT, 2.5, "whole"), (LIMIT, True, "whole"), (LIMIT, None, "whole"),
        (LIMIT, "x", "whole"),
        (SHARE, -1, "at least 0"), (SHARE, "nan", "number"), (SHARE, "inf", "number"),
        (KIND, "c", r"a \| b"), (KIND, 1, r"a \| b"),
        (FLAG, 1, r"true \| false"),
    ],
)  # fmt: skip
def test_other_values_are_refused_with_what_is_allowed(parameter, given, allowed):
    with pytest.raises(BadParameter, match=allowed):
        parameter.check(given)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(BadParameter, match=r"one of kind, limit \(acme has no such parameter\)"):
        check_values([LIMIT, KIND], {"limits": 3}, owner="acme")


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "", "America", "../../etc/passwd", "UTC\0"])
def test_a_time_zone_must_exist(zone):
    with pytest.raises(BadParameter, match="IANA"):
        check_values(COMMON.values(), {"tz": zone}, owner="acme")


def test_a_parameter_that_was_not_declared_is_named():
    p = Parameters(Window(0, 1), 1, 0, values={"limit": 5})
    assert p.limit == 5
    with pytest.raises(AttributeError, match=r"'fast_s' is not declared.*declared: limit"):
        _ = p.fast_s


def test_parameters_can_be_copied():
    p = Parameters(Window(0, 1), 1, 0, values={"limit": 5})
    assert copy.copy(p) == pickle.loads(pickle.dumps(p)) == p
