"""The process in which code of plugins runs."""

from __future__ import annotations

from collections.abc import Iterator

from courselens.domain import BUILT_IN
from courselens.installed import open_apart
from courselens.settings import Settings
from courselens.testing.checks.subject import (
    Finding,
    NotApplicable,
    Subject,
    first_difference,
    rows_of,
)
from courselens.testing.running import opened_run
from indicators.context import Times


def own_process(subject: Subject) -> Iterator[Finding]:
    """It gives the same rows in a process without credentials and network, within the limits."""
    one = subject.indicator
    if one.provider == BUILT_IN:
        raise NotApplicable("built-in indicators run in the worker's own process")
    if not subject.registry.entry(one.key):
        raise NotApplicable("it is declared here and not installed")
    known = subject.result.envelope
    times = Times(now_us=known.computed_us, as_of_us=known.as_of_us)
    with open_apart(Settings()) as apart:
        run = opened_run(
            [one.key], subject.course, registry=subject.registry, times=times, apart=apart
        )
        with run as (_, results):
            result = results.results[0]
    if result.envelope.error is not None:
        yield Finding(
            f"it fails there: {result.envelope.error}",
            "leave files, processes and the network alone; data of your own come by @dataset",
        )
        return
    difference = first_difference(rows_of(subject, subject.result), rows_of(subject, result))
    if difference:
        yield Finding(
            f"it gives other rows there: {difference}",
            "let nothing depend on what the process was before: no globals, no environment",
        )
