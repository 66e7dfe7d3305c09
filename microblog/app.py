"""The wiring: one service from the settings.

The stages start in this order and stop in the reverse one: the embedded PostgreSQL (if no URL is set), the schema, the
services, the tasks, the website, the push port. So at the end the ports close first, running requests finish, live
readers get a notice, jobs return to the queue, and the database stops after everything that uses it.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from microblog import __version__
from microblog.config.load import Config
from microblog.domain.errors import Unavailable
from microblog.http.context import WebContext
from microblog.http.dispatcher import HTTPDispatcher
from microblog.http.factory import HTTPFactory
from microblog.http.page_cache import PageCache
from microblog.http.templates import Templates
from microblog.protocols.push import PushFactory
from microblog.runtime import ports
from microblog.runtime.metrics import Metrics
from microblog.runtime.process import Listening, OrderedService, Stage, StartError, freeze_heap, listen
from microblog.runtime.resources import templates_dir
from microblog.services.holding import IDLE
from microblog.services.microblog import Microblog
from microblog.store.engine.migrate import SchemaError, migrate
from microblog.tasks.service import ReaderSamples, Tasks
from microblog.web import api, health, metrics, popups, static, streaming
from microblog.web.api.shared_timelines import SharedTimelines
from microblog.web.html import TABLES, error_pages
from microblog.web.html.facts import SiteFacts
from microblog.web.metrics import MetricsPage
from microblog.web.static import Assets

log = Logger()


def make_service(config: Config, reactor: Any) -> IService:
    """Return the service of all stages that ``config.roles`` select."""
    return _App(config, reactor).service


class _App:
    """The stages, and the objects that they share."""

    microblog: Microblog
    begun = False
    embedded: Any = None
    http: HTTPFactory | None = None
    push: PushFactory | None = None
    tasks: Tasks | None = None
    samples: ReaderSamples | None = None
    metrics: Metrics | None = None
    metrics_http: HTTPFactory | None = None
    web: WebContext | None = None

    def __init__(self, config: Config, reactor: Any) -> None:
        self.config = config
        self.reactor = reactor
        self.ports: list[Listening] = []
        self.service = OrderedService(reactor, deadline=config.drain_timeout, when_started=self._started)
        stages = [
            Stage("database", self._start_database, self._stop_database),
            Stage("services", self._start_services, self._stop_services),
        ]
        if "tasks" in config.roles:
            stages.append(Stage("tasks", self._start_tasks, self._stop_tasks))
        if "web" in config.roles:
            stages.append(Stage("website", self._start_web, self._stop_web))
        if "push" in config.roles:
            stages.append(Stage("push port", self._start_push, self._stop_push))
        if config.metrics:
            stages.append(Stage("metrics", self._start_metrics, self._stop_metrics))
        stages.append(Stage("ports", self._open_ports, self._close_ports))
        for stage in stages:
            stage.setServiceParent(self.service)

    # ------------------------------------------------------------------------------------------------ database

    async def _start_database(self) -> None:
        self.dsn = self.config.database
        if self.dsn is None:
            from microblog.store.embedded import EmbeddedPostgres

            self.embedded = EmbeddedPostgres(self.config.data_dir, self.reactor)
            self.dsn = await self.embedded.start()
        try:
            applied = await migrate(self.dsn, self.reactor)
        except (SchemaError, Unavailable) as error:
            raise StartError(str(error)) from error
        if applied:
            log.info("schema brought up to {version}", version=applied[-1].number)

    async def _stop_database(self) -> None:
        if self.embedded is not None:
            await self.embedded.stop()

    async def _start_services(self) -> None:
        assert self.dsn is not None
        self.microblog = Microblog(self.config, self.dsn, self.reactor)
        self.begun = True
        await self.microblog.start()
        self.samples = ReaderSamples(self.microblog, self.reactor)
        self.samples.start()
        self.metrics = Metrics(self.microblog, self.reactor)
        self.metrics.start()

    async def _stop_services(self) -> None:
        if self.metrics is not None:
            self.metrics.stop()
        if self.samples is not None:
            await self.samples.stop()
        if self.begun:
            await self.microblog.stop()

    # ------------------------------------------------------------------------------------------------ tasks

    async def _start_tasks(self) -> None:
        self.tasks = Tasks(self.microblog, self.reactor)
        self.tasks.start()
        self._metrics.worker = self.tasks.worker

    async def _stop_tasks(self) -> None:
        if self.tasks is not None:
            await self.tasks.drain(self.config.drain_timeout / 2)

    # ------------------------------------------------------------------------------------------------ website

    @property
    def _metrics(self) -> Metrics:
        assert self.metrics is not None
        return self.metrics

    async def _build_web(self) -> WebContext:
        microblog, config = self.microblog, self.config
        self.assets = assets = Assets()
        return WebContext.build(
            public_url=config.public_url,
            secret=await microblog.secret("forms"),
            sessions=microblog.sessions,
            templates=Templates(
                templates_dir(), assets.url, SiteFacts.of(config, __version__), microblog.now
            ),
            limits=microblog.rate_limits,
            trusted_proxies=config.trusted_proxies,
            session_seconds=int(IDLE.total_seconds()),
        )

    async def _start_web(self) -> None:
        microblog, config = self.microblog, self.config
        self.web = web = await self._build_web()
        shared_timelines = SharedTimelines(lambda: microblog.dispatcher.version, self.reactor.seconds)
        tables = [
            *(table.bind(microblog) for table in TABLES),
            *(table.bind(microblog, shared_timelines) for table in api.TABLES),
            streaming.routes.bind(microblog),
            health.routes.bind(microblog),
            metrics.routes.bind(MetricsPage(self._metrics.text, config.metrics_allow)),
            static.routes.bind(self.assets),
        ]
        self.http = HTTPFactory(
            HTTPDispatcher(
                web,
                tables,
                observe=self._metrics.observe,
                errors=error_pages.answer,
                page_cache=PageCache(lambda: microblog.dispatcher.version, self.reactor.seconds),
                keeps_opener=popups.leads_to_consent,
            ),
            self.reactor,
            https=config.secure,
            proxies=web.proxies,
        )
        self._metrics.http = self.http

    async def _stop_web(self) -> None:
        if self.http is not None:
            try:
                await self.http.drain()
            except CancelledError:
                # The time is up. Waiting clients get a closed connection now instead of a silent one.
                log.warn("The website cuts off {what}.", what=self.http.unfinished())
                self.http.abort()
                raise

    # ------------------------------------------------------------------------------------------------ push port

    async def _start_push(self) -> None:
        self.push = self._metrics.push = PushFactory(self.microblog, self.reactor)

    async def _stop_push(self) -> None:
        if self.push is not None:
            try:
                await self.push.drain()
            except CancelledError:
                log.warn("The push port cuts off connections: {count}.", count=len(self.push))
                raise

    # ------------------------------------------------------------------------------------------------ metrics

    async def _start_metrics(self) -> None:
        """Open a port of this process alone: on a shared port, any process could answer."""
        web = self.web or await self._build_web()
        page = MetricsPage(self._metrics.text, self.config.metrics_allow, unix=True)
        tables = [health.routes.bind(self.microblog), metrics.routes.bind(page)]
        dispatcher = HTTPDispatcher(web, tables, errors=error_pages.answer)
        self.metrics_http = HTTPFactory(dispatcher, self.reactor, proxies=web.proxies)

    async def _stop_metrics(self) -> None:
        if self.metrics_http is not None:
            await self.metrics_http.drain()

    # ------------------------------------------------------------------------------------------------ ports

    async def _open_ports(self) -> None:
        if self.http is not None:
            for endpoint in self.config.http:
                await self._open(endpoint, self.http, "http", shared=self.config.reuse_port)
        if self.push is not None:
            for endpoint in self.config.push:
                await self._open(endpoint, self.push, "push", shared=self.config.reuse_port)
        if self.metrics_http is not None:
            for endpoint in self.config.metrics:
                await self._open(endpoint, self.metrics_http, "metrics")

    async def _open(self, endpoint: str, factory: Any, setting: str, *, shared: bool = False) -> None:
        port = listen(endpoint, factory, self.reactor, setting=setting, shared=shared)
        self.ports.append(port)
        await port.startService()

    async def _close_ports(self) -> None:
        for port in self.ports:
            await port.stopService()

    def _started(self) -> None:
        freeze_heap()
        for port in self.ports:
            log.info("{name} is open", name=port.name)
        if self.http is not None:
            log.info("The site is at {url}", url=self.config.public_url)
        if self.config.reuse_port and ports.migrates() is False:
            log.info(
                "For restarts that turn nobody away: sysctl -w net.ipv4.tcp_migrate_req=1 (docs/operations.md)"
            )
