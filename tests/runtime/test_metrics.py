"""The metrics, as Prometheus' own parser reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain
from twisted.internet.task import Clock

from microblog.config.load import Config
from microblog.domain.errors import Unavailable
from microblog.runtime.metrics import STALL_INTERVAL, Metrics
from microblog.services.microblog import Microblog
from microblog.tasks.jobs import Worker
from tests.factories import create_viewer


@pytest_twisted.async_yield_fixture
async def microblog(dsn: str, reactor_: Any, tmp_path: Path) -> AsyncIterator[Microblog]:
    made = Microblog(Config.load({"data_dir": str(tmp_path)}, {}), dsn, reactor_, listen=False)
    await made.start()
    yield made
    await made.stop()


async def values(metrics: Metrics) -> dict[str, float]:
    """Return the values by name and sorted labels."""
    _, text = await metrics.text("text/plain")
    found = {}
    for family in plain(text.decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


async def test_both_formats_can_be_parsed(microblog: Microblog, reactor_: Any) -> None:
    metrics = Metrics(microblog, reactor_)
    metrics.observe("GET", "/@<name>", 200, 0.003)
    content_type, text = await metrics.text("text/plain;version=0.0.4")
    assert content_type.startswith("text/plain")
    assert list(plain(text.decode()))
    content_type, text = await metrics.text("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    names = {family.name for family in openmetrics(text.decode())}
    assert {"microblog_http_requests", "microblog_jobs", "process_resident_memory_bytes"} <= names


async def test_requests_are_counted_and_timed_but_streams_only_counted(
    microblog: Microblog, reactor_: Any
) -> None:
    metrics = Metrics(microblog, reactor_)
    for status, seconds in ((200, 0.003), (200, 0.2), (404, 0.001)):
        metrics.observe("GET", "/@<name>", status, seconds)
    metrics.observe("GET", "/live", 200, None)
    read = await values(metrics)
    assert read["microblog_http_requests_total{method=GET,route=/@<name>,status=200}"] == 2
    assert read["microblog_http_requests_total{method=GET,route=/@<name>,status=404}"] == 1
    assert read["microblog_http_requests_total{method=GET,route=/live,status=200}"] == 1
    assert read["microblog_http_request_seconds_count{method=GET,route=/@<name>}"] == 3
    assert read["microblog_http_request_seconds_bucket{le=0.005,method=GET,route=/@<name>}"] == 2
    assert "microblog_http_request_seconds_count{method=GET,route=/live}" not in read


async def test_jobs_are_counted_by_state(microblog: Microblog, reactor_: Any) -> None:
    await microblog.jobs.put("test", {})
    await microblog.jobs.put("test", {})
    await microblog.jobs.put("test", {}, delay=60)
    [held] = await microblog.jobs.take(["test"], 1, 60)
    assert held.kind == "test"
    metrics = Metrics(microblog, reactor_)
    read = await values(metrics)
    states = {
        state: read[f"microblog_jobs{{state={state}}}"] for state in ("due", "waiting", "running", "parked")
    }
    assert states == {"due": 1, "waiting": 1, "running": 1, "parked": 0}
    await microblog.jobs.park(held, "no")
    assert (await values(metrics))["microblog_jobs{state=parked}"] == 1


async def test_outcomes_of_jobs_are_counted(microblog: Microblog, reactor_: Any) -> None:
    metrics = Metrics(microblog, reactor_)
    metrics.worker = Worker(microblog.jobs, {}, Clock())
    metrics.worker.outcomes["mail.welcome", "done"] += 2
    read = await values(metrics)
    assert read["microblog_job_outcomes_total{kind=mail.welcome,outcome=done}"] == 2
    assert read["microblog_jobs_here"] == 0


async def test_event_log_position_and_delay_are_measured(microblog: Microblog, reactor_: Any) -> None:
    alice = await create_viewer(microblog.db, "alice")
    metrics = Metrics(microblog, reactor_)
    put = "INSERT INTO outbox (kind, account_id) VALUES ('relation', %s)"
    await microblog.db.reads.run(put, (alice.id,))
    assert (await values(metrics))["microblog_events_unplaced"] == 1
    await microblog.dispatcher.stop()
    # Another process has sequenced it; this process has not dispatched it.
    await microblog.db.reads.run(
        "INSERT INTO events (kind, account_id, at) VALUES ('relation', %s, clock_timestamp() - interval '9 s')",
        (alice.id,),
    )
    read = await values(metrics)
    assert read["microblog_events_behind"] == 1
    assert 9 <= read["microblog_events_behind_seconds"] < 60


async def test_missing_database_is_reported(microblog: Microblog, reactor_: Any) -> None:
    class Away:
        pool = microblog.measuring.pool

        async def take(self) -> None:
            raise Unavailable

    metrics = Metrics(microblog, reactor_)
    assert (await values(metrics))["microblog_database_up"] == 1
    microblog.measuring = Away()  # type: ignore[assignment]
    read = await values(metrics)
    assert read["microblog_database_up"] == 0
    assert not any(name.startswith("microblog_jobs{") for name in read)


async def test_reactor_stalls_are_measured(microblog: Microblog) -> None:
    clock = Clock()
    metrics = Metrics(microblog, clock)
    metrics.start()
    clock.advance(STALL_INTERVAL)
    clock.advance(STALL_INTERVAL + 0.3)
    clock.advance(STALL_INTERVAL - 0.05)
    metrics.stop()
    assert clock.getDelayedCalls() == []
    metrics._reactor = microblog.db.reactor
    read = await values(metrics)
    assert read["microblog_reactor_stall_seconds_count"] == 3
    assert round(read["microblog_reactor_stall_seconds_sum"], 6) == 0.3
    assert read["microblog_reactor_stall_seconds_bucket{le=0.25}"] == 2
