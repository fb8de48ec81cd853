"""Settings of a block: how field values are read, and which of them children inherit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import UsageKey

from loaders.instants import parse_instant


@dataclass(frozen=True, slots=True)
class Restriction:
    """One group that may see a block; of one constraint any of its groups is enough.

    `group_id` is None where nobody may see it: an arm that no group of its experiment is sent to.
    """

    constraint_key: str
    partition_id: int
    group_id: int | None


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for a block after inheritance; `unreadable` says what could not be read."""

    graded: bool | None
    released_us: int | None = None
    due_us: int | None = None
    visible_to_staff_only: bool = False
    max_attempts: int | None = None
    assignment_type: str | None = None
    unreadable: tuple[str, ...] = ()

    @classmethod
    def of_course(cls, *, keeps_defaults: bool) -> Settings:
        """What holds above the root: the platform's defaults, or unknown."""
        return cls(graded=False if keeps_defaults else None)


def inherit_settings(
    above: Settings,
    fields: Mapping[str, object],
    *,
    block_key: str,
    is_sequential: bool,
    under_sequential: bool,
) -> tuple[Settings, tuple[Restriction, ...]]:
    """Apply a block's own fields to what it inherits.

    Below a sequential `graded` is the sequential's: the platform grades subsections whole.
    `released_us` is the latest start on the way down and a staff-only ancestor hides all below
    it, since the LMS asks every ancestor. `format` belongs to the sequential and is not
    inherited from further up.

    Returns:
        The block's settings, and the restrictions that it sets itself.
    """
    unreadable: list[str] = []

    def read_instant(name: str) -> int | None:
        try:
            return parse_instant(fields.get(name))
        except ValueError as error:
            unreadable.append(f"{name}: {error}; taken as not set")
            return None

    starts = [us for us in (above.released_us, read_instant("start")) if us is not None]
    graded = above.graded
    if not under_sequential:
        own = read_bool(fields.get("graded"))
        graded = above.graded if own is None else own
    restrictions: tuple[Restriction, ...] = ()
    try:
        restrictions = _read_group_access(block_key, fields.get("group_access"))
    except (ValueError, TypeError):
        unreadable.append(f"group_access {fields.get('group_access')!r} is not understood")
    return (
        Settings(
            graded=graded,
            released_us=max(starts, default=None),
            due_us=read_instant("due") if "due" in fields else above.due_us,
            visible_to_staff_only=above.visible_to_staff_only
            or read_bool(fields.get("visible_to_staff_only")) is True,
            max_attempts=read_int(fields["max_attempts"])
            if "max_attempts" in fields
            else above.max_attempts,
            assignment_type=read_text(fields.get("format")) or None
            if is_sequential
            else above.assignment_type,
            unreadable=tuple(unreadable),
        ),
        restrictions,
    )


def _read_group_access(block_key: str, value: object) -> tuple[Restriction, ...]:
    # A partition with an empty list of groups restricts nothing, as in the platform.
    access = _read_json(value) or {}
    if not isinstance(access, dict):
        raise TypeError(value)
    return tuple(
        Restriction(f"{block_key}#{int(partition)}", int(partition), int(group))
        for partition, groups in access.items()
        for group in groups or ()
    )


def restrict_arms(
    split_key: str, split_fields: Mapping[str, object], child_key: str
) -> tuple[Restriction, ...]:
    """Who sees a child of a split_test: the groups of its partition that are sent to it.

    An arm that no group is sent to any more is shown to nobody. Where the source
    does not say which groups, nothing is restricted.
    """
    partition_id = read_int(split_fields.get("user_partition_id"))
    try:
        children = _read_json(split_fields.get("group_id_to_child"))
    except ValueError:
        return ()
    if partition_id is None or not isinstance(children, dict):
        return ()
    key = f"{split_key}#{partition_id}"
    groups = [
        group_id
        for name, target in children.items()
        if (group_id := read_int(name)) is not None and _is_same_block(str(target), child_key)
    ]
    return tuple(Restriction(key, partition_id, group_id) for group_id in groups or (None,))


def _is_same_block(one: str, other: str) -> bool:
    # A course that was imported into another run keeps the old run's keys in this field.
    if one == other:
        return True
    try:
        first, second = UsageKey.from_string(one), UsageKey.from_string(other)
    except InvalidKeyError:
        return False
    return (first.block_type, first.block_id) == (second.block_type, second.block_id)


def _read_json(value: object) -> object:
    if isinstance(value, str):
        return json.loads(value) if value.strip() else None
    return value


def read_text(value: object) -> str | None:
    """Text of a field; attributes may hold it as a JSON string. None: not set."""
    if value is None or value == "null":
        return None
    text = str(value)
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text


def read_bool(value: object) -> bool | None:
    """Truth of a field, JSON or JSON-ish text; None: not set, or neither."""
    word = str(value).strip().strip('"').lower()
    return {"true": True, "1": True, "false": False, "0": False}.get(word)


def read_float(value: object) -> float | None:
    """Number of a field, JSON or JSON-ish text; None: not set, or no finite number."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(str(value).strip().strip('"'))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def read_int(value: object) -> int | None:
    """Whole number of a field, JSON or JSON-ish text; None: not set, or not whole."""
    number = read_float(value)
    return int(number) if number is not None and number.is_integer() else None
