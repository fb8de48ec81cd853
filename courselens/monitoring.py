"""Metrics for Prometheus, at an address of their own that is not the public one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from api.metrics import Durations, Metrics
from courselens.errors import CourselensError

_PREFIX = "courselens_"


class MetricsAddressInUse(CourselensError):
    """The address for the metrics cannot be had."""

    code = "ADDRESS_IN_USE"

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        super().__init__(
            f"cannot show metrics on {host}:{port}: {reason}; each process needs a "
            "COURSELENS_METRICS_PORT of its own"
        )


class MetricsCollector(Collector):
    """Reads the counts when Prometheus asks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """All metrics as they are now."""
        metrics = self._metrics
        yield _counts("requests", "GraphQL requests by the code of the first error.", ["outcome"],
                      _words(metrics.outcomes))  # fmt: skip
        yield _counts("deopts", "Answers that no compiled plan gave, by reason.", ["reason"],
                      _words(metrics.deopts))  # fmt: skip
        yield _durations("request_seconds", "How long GraphQL requests took.", metrics.took)
        yield _counts("exports", "Requests for files by form and what became of them.",
                      ["form", "outcome"], metrics.exports.items())  # fmt: skip
        yield _counts("export_rows", "Rows that were sent in files.", ["form"],
                      _words(metrics.export_rows))  # fmt: skip
        yield _durations("export_seconds", "How long files took.", metrics.exports_took)
        for name, reading in sorted(metrics.readings.items()):
            family = CounterMetricFamily if reading.is_counter else GaugeMetricFamily
            yield family(_PREFIX + name, reading.description, value=reading.read())


@contextmanager
def shown_metrics(metrics: Metrics, host: str, port: int | None) -> Iterator[int | None]:
    """Show metrics while the block runs; gives the port, None where none is wanted.

    Raises:
        MetricsAddressInUse: the address cannot be had.
    """
    if port is None:
        yield None
        return
    registry = CollectorRegistry()
    registry.register(MetricsCollector(metrics))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as exc:
        raise MetricsAddressInUse(host, port, exc.strerror or str(exc)) from exc
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _counts(
    name: str,
    description: str,
    labels: Sequence[str],
    counts: Iterable[tuple[tuple[str, ...], int]],
) -> Metric:
    family = CounterMetricFamily(_PREFIX + name, description, labels=labels)
    for words, count in sorted(counts):
        family.add_metric(words, count)
    return family


def _words(counts: Mapping[str, int]) -> Iterable[tuple[tuple[str, ...], int]]:
    """Counts whose only label is the key."""
    return (((word,), count) for word, count in counts.items())


def _durations(name: str, description: str, took: Durations) -> Metric:
    bounds = [*(str(border) for border in took.borders), "+Inf"]
    return HistogramMetricFamily(
        _PREFIX + name,
        description,
        buckets=list(zip(bounds, accumulate(list(took.bins)), strict=True)),
        sum_value=took.seconds,
    )
