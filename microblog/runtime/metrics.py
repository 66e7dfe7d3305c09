"""Metrics for Prometheus: what this process counts, and what the database says.

A request updates one counter and one histogram. All other metrics are plain numbers of their owners, read when
Prometheus asks. ``docs/operations.md`` lists the metrics and the alerts.

The library's ``MetricsResource`` for Twisted answers from a thread, through WSGI, but the numbers belong to the
reactor's thread and some come from a query. So ``web/metrics.py`` answers, with the library's encoders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from microblog import __version__
from microblog.domain.errors import MicroblogError
from microblog.runtime.metric_sources import HTTPServer, Microblog, PushServer, SiteMetrics, Worker

log = Logger()

#: Upper bounds of the histogram's buckets, in seconds.
LATENCIES: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
STALLS: Final = (0.002, 0.01, 0.05, 0.1, 0.25, 1.0, 5.0)
#: Seconds between two measurements of the reactor's delay.
STALL_INTERVAL: Final = 0.25
#: Seconds that the database has to answer; after that the metrics say that it did not.
PATIENCE: Final = 2.0


class Metrics:
    """The metrics of a process. Servers and workers that the process does not run have none."""

    def __init__(self, microblog: Microblog, reactor: Any) -> None:
        self._microblog = microblog
        self._reactor = reactor
        self.http: HTTPServer | None = None
        self.push: PushServer | None = None
        self.worker: Worker | None = None
        self._site_metrics: SiteMetrics | None = None
        #: the metrics of the last scrape, read in the reactor's thread
        self.families: list[Metric] = []
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._requests = Counter(
            "microblog_http_requests",
            "Requests answered, by method, route and status.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "microblog_http_request_seconds",
            "From a whole request to its answer, without live streams.",
            ("method", "route"),
            buckets=LATENCIES,
            registry=registry,
        )
        self._stalls = Histogram(
            "microblog_reactor_stall_seconds",
            "How late the reactor came to a timer: how long everything else had to wait.",
            buckets=STALLS,
            registry=registry,
        )
        # Finding a labelled child costs more than counting, so the children are cached.
        self._counted: dict[tuple[str, str, int], Any] = {}
        self._timed: dict[tuple[str, str], Any] = {}
        registry.register(_LastMetrics(self))
        self._expected = 0.0
        self._stall_timer = LoopingCall(self._measure_stall)
        self._stall_timer.clock = reactor

    # -- from the website -------------------------------------------------------------------------------------

    def observe(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """Count an answer. ``seconds`` is None for a stream, whose length its reader chooses."""
        counted = self._counted.get((method, route, status))
        if counted is None:
            counted = self._requests.labels(method, route, str(status))
            self._counted[method, route, status] = counted
        counted.inc()
        if seconds is not None:
            timed = self._timed.get((method, route))
            if timed is None:
                timed = self._timed[method, route] = self._seconds.labels(method, route)
            timed.observe(seconds)

    # -- the reactor ------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._expected = self._reactor.seconds() + STALL_INTERVAL
        self._stall_timer.start(STALL_INTERVAL, now=False)

    def stop(self) -> None:
        if self._stall_timer.running:
            self._stall_timer.stop()

    def _measure_stall(self) -> None:
        now = self._reactor.seconds()
        self._stalls.observe(max(0.0, now - self._expected))
        # A LoopingCall skips missed calls and keeps its grid.
        self._expected = now + STALL_INTERVAL - (now - self._expected) % STALL_INTERVAL

    # -- a scrape -----------------------------------------------------------------------------------------

    async def text(self, accept: str) -> tuple[str, bytes]:
        """Return the content type and the metrics, in the format that the ``Accept`` header prefers.

        The formats are Prometheus' text format and OpenMetrics 1.0.
        """
        asked = Deferred.fromCoroutine(self._microblog.measuring.take())
        try:
            self._site_metrics = await asked.addTimeout(PATIENCE, self._reactor)
        except (MicroblogError, TookTooLong):
            self._site_metrics = None
        self.families = list(self.read())
        encode, content_type = choose_encoder(accept)
        # In a thread, because encoding takes 24 ms with a hundred routes in use.
        pool = self._reactor.getThreadPool()
        return content_type, await deferToThreadPool(self._reactor, pool, encode, self._registry)

    def read(self) -> Iterator[Metric]:
        """Yield the metrics, except those that the registry keeps."""
        info = GaugeMetricFamily("microblog_info", "Always 1; the label is the release.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        yield from self._database()
        yield from self._live()
        if self.http is not None:
            http = self.http
            yield _gauge("microblog_http_connections", "Open connections to the website.", http.connections)
            yield _gauge(
                "microblog_http_running", "Requests that are being answered, streams included.", http.running
            )
            yield _counters(
                "microblog_http_refused",
                "What was turned away before it had a route (malformed, too large, too slow, too many).",
                "status",
                [(str(status), count) for status, count in http.refused.items()],
            )
        if self.push is not None:
            push = self.push
            yield _gauge("microblog_push_connections", "Open connections to the push port.", len(push))
            yield _counter(
                "microblog_push_gaps", "Readers that fell behind and caught up from the log.", push.gaps
            )
            yield _counter(
                "microblog_push_cut", "Readers that were cut off, with a cursor, for not reading.", push.cut
            )
        if self.worker is not None:
            yield _gauge("microblog_jobs_here", "Jobs that this process works on.", self.worker.running)
            outcomes = CounterMetricFamily(
                "microblog_job_outcomes", "How jobs ended in this process.", labels=["kind", "outcome"]
            )
            for (kind, outcome), count in self.worker.outcomes.items():
                outcomes.add_metric([kind, outcome], count)
            yield outcomes

    def _database(self) -> Iterator[Metric]:
        pool, site = self._microblog.measuring.pool, self._site_metrics
        connections = GaugeMetricFamily(
            "microblog_database_connections", "Connections of the pool, by state.", labels=["state"]
        )
        connections.add_metric(["lent"], pool.lent)
        connections.add_metric(["idle"], pool.idle)
        yield connections
        yield _gauge(
            "microblog_database_connections_limit", "How many the pool may have (pool_size).", pool.size
        )
        yield _gauge("microblog_database_waiting", "Who waits for a connection at the moment.", pool.waiting)
        yield _counter("microblog_database_waits", "How often somebody waited for a connection.", pool.waits)
        yield _counter("microblog_database_wait_seconds", "For how long, all together.", pool.waited)
        yield _counter(
            "microblog_database_refused", "How often nobody gave one in time: a 503.", pool.refused
        )
        yield _counter("microblog_database_opened", "Connections that were opened.", pool.opened)
        yield _counter("microblog_database_broken", "Connections that were lost or thrown away.", pool.broken)
        yield _gauge("microblog_database_up", "1 when the database answered this scrape.", site is not None)
        if site is not None:
            states = GaugeMetricFamily(
                "microblog_jobs", "Jobs of the whole site, by state.", labels=["state"]
            )
            for state, count in site.jobs.items():
                states.add_metric([state], count)
            yield states
            yield _gauge("microblog_events_unplaced", "Events written and not yet in the log.", site.unplaced)
            yield _gauge("microblog_events_behind", "Events in the log, not dispatched here.", site.behind)
            yield _gauge(
                "microblog_events_behind_seconds", "The age of the oldest of them.", site.behind_seconds
            )

    def _live(self) -> Iterator[Metric]:
        dispatcher = self._microblog.dispatcher
        yield _gauge(
            "microblog_live_readers",
            "Live readers of this process: push, events, sockets.",
            dispatcher.readers,
        )
        yield _gauge("microblog_events_position", "The newest event dispatched here.", dispatcher.position)
        yield _counter("microblog_events_dispatched", "Events dispatched here.", dispatcher.dispatched)
        yield _counter(
            "microblog_deliveries", "Events handed to readers, one for each reader.", dispatcher.delivered
        )


class _LastMetrics:
    """The collector of the registry: in a thread, it returns the metrics that the reactor's thread has read."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        return self._metrics.families


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _counters(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in values:
        family.add_metric([value], count)
    return family
