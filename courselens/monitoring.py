"""Metrics for Prometheus, at an address of their own that is not the public one."""

from __future__ import annotations

from collections.abc import Iterator
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

from api.metrics import BORDERS, Metrics
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
        yield _by_word("requests", "GraphQL requests by the code of the first error.", "outcome",
                       dict(metrics.outcomes))  # fmt: skip
        yield _by_word("deopts", "Answers that no compiled plan gave, by reason.", "reason",
                       dict(metrics.deopts))  # fmt: skip
        counts = list(accumulate(metrics.bins))
        bounds = [*(str(border) for border in BORDERS), "+Inf"]
        yield HistogramMetricFamily(
            f"{_PREFIX}request_seconds",
            "How long GraphQL requests took.",
            buckets=list(zip(bounds, counts, strict=True)),
            sum_value=metrics.seconds,
        )
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


def _by_word(name: str, description: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(_PREFIX + name, description, labels=[label])
    for word, count in sorted(counts.items()):
        family.add_metric([word], count)
    return family
