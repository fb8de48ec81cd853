from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.metrics import Metrics
from courselens.monitoring import MetricsAddressInUse, shown_metrics
from courselens.serving import running_server
from courselens.settings import Settings


def samples(text: str) -> dict[str, float]:
    return {
        f"{one.name}{sorted(one.labels.items())}" if one.labels else one.name: one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def read(port: int | None) -> dict[str, float]:
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 200
    return samples(answer.text)


def test_counts_are_shown_as_prometheus_reads_them() -> None:
    metrics = Metrics()
    metrics.answered("OK", 0.003)
    metrics.answered("OK", 0.2)
    metrics.answered("FORBIDDEN", 99.0)
    metrics.deopts["abstract"] += 2
    metrics.exported("csv", "OK", rows=100_000, seconds=3.0)
    metrics.exported("csv", "CLIENT_GONE", rows=7, seconds=400.0)
    metrics.exported("parquet", "FORBIDDEN", rows=0, seconds=0.01)
    metrics.watch({"statements": ("Statements.", lambda: 7)}, is_counter=True)
    metrics.watch({"questions_inside": ("Inside.", lambda: 3)}, is_counter=False)
    with shown_metrics(metrics, "127.0.0.1", 0) as port:
        found = read(port)
        metrics.answered("OK", 0.003)
        assert read(port)["courselens_requests_total[('outcome', 'OK')]"] == 3
    assert found["courselens_requests_total[('outcome', 'OK')]"] == 2
    assert found["courselens_requests_total[('outcome', 'FORBIDDEN')]"] == 1
    assert found["courselens_deopts_total[('reason', 'abstract')]"] == 2
    assert found["courselens_request_seconds_bucket[('le', '0.0025')]"] == 0
    assert found["courselens_request_seconds_bucket[('le', '0.005')]"] == 1
    assert found["courselens_request_seconds_bucket[('le', '30.0')]"] == 2
    assert found["courselens_request_seconds_bucket[('le', '+Inf')]"] == 3
    assert found["courselens_request_seconds_count"] == 3
    assert found["courselens_request_seconds_sum"] == pytest.approx(99.203)
    assert found["courselens_exports_total[('form', 'csv'), ('outcome', 'OK')]"] == 1
    assert found["courselens_exports_total[('form', 'csv'), ('outcome', 'CLIENT_GONE')]"] == 1
    assert found["courselens_exports_total[('form', 'parquet'), ('outcome', 'FORBIDDEN')]"] == 1
    assert found["courselens_export_rows_total[('form', 'csv')]"] == 100_007
    assert found["courselens_export_seconds_bucket[('le', '0.01')]"] == 1
    assert found["courselens_export_seconds_bucket[('le', '5.0')]"] == 2
    assert found["courselens_export_seconds_bucket[('le', '300.0')]"] == 2
    assert found["courselens_export_seconds_count"] == 3
    assert found["courselens_statements_total"] == 7
    assert found["courselens_questions_inside"] == 3


def test_address_that_is_taken_is_named_with_the_setting() -> None:
    with (
        shown_metrics(Metrics(), "127.0.0.1", 0) as port,
        pytest.raises(MetricsAddressInUse, match="COURSELENS_METRICS_PORT"),
        shown_metrics(Metrics(), "127.0.0.1", port),
    ):
        pass


async def test_server_shows_metrics_on_a_port_of_their_own_only(
    postgres_url: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database_url=postgres_url, port=0)
    async with running_server(settings) as server, httpx.AsyncClient() as client:
        await client.post(f"{server.address}/graphql", json={"query": "{ indicators { key } }"})
        assert (await client.get(f"{server.address}/metrics")).status_code == 404
