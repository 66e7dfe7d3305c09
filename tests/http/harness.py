"""A small site for the tests of http/: its own pages, fake sessions, a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from microblog.domain.accounts import Role, Viewer
from microblog.domain.rate_limits import RateLimits
from microblog.http.channel import Timeouts
from microblog.http.context import WebContext
from microblog.http.dispatcher import HTTPDispatcher
from microblog.http.factory import HTTPFactory
from microblog.http.routing import BoundRoutes, Routes
from microblog.http.templates import Templates
from microblog.web import popups
from microblog.web.html import error_pages
from microblog.web.static import Assets
from tests.factories import make_account
from tests.http.client import Client

SESSION_SECONDS = 90 * 86_400
PAGES = {
    "base.html": "<!doctype html><html lang=en><title>{% block title %}{% endblock %}</title>"
    "{% for text in flashes %}<p class=flash>{{ text }}</p>{% endfor %}"
    "<nav>{{ viewer.account.name if viewer else 'nobody' }}</nav>{% block main %}{% endblock %}</html>",
    "pages/error.html": "{% extends 'base.html' %}{% block main %}<h1>{{ title }}</h1><p id=text>{{ text }}</p>"
    "{% if request_id %}<code>{{ request_id }}</code>{% endif %}{% endblock %}",
    "pages/form.html": "{% extends 'base.html' %}{% block main %}<form method=post><input name=csrf_token value="
    "'{{ csrf_token() }}'></form>{% endblock %}",
    "pages/plain.html": "{% extends 'base.html' %}{% block main %}<p>{{ text }}</p>{% endblock %}",
}


class FakeSessions:
    """Sessions by token; ``lookups`` counts the look-ups."""

    def __init__(self) -> None:
        self.viewers: dict[str, Viewer] = {}
        self.lookups = 0

    def open(self, token: str, name: str, **more: Any) -> str:
        self.viewers[token] = Viewer(make_account(1, name), Role.USER, session_id=1, **more)
        return token

    async def viewer(self, token: str) -> Viewer | None:
        self.lookups += 1
        return self.viewers.get(token)


@dataclass
class Harness:
    site: HTTPFactory
    web: WebContext
    dispatcher: HTTPDispatcher
    clock: Clock
    sessions: FakeSessions
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(self.site)

    def pass_time(self, seconds: float) -> None:
        """Advance the clock in small steps."""
        self.clock.pump([0.1] * round(seconds * 10))


def make(
    folder: Path,
    *tables: Routes | BoundRoutes,
    public_url: str = "http://localhost:8000",
    rate_limits: bool = False,
    trusted_proxies: tuple[str, ...] = (),
    timeouts: Timeouts | None = None,
    reactor: Any = None,
    **site_options: Any,
) -> Harness:
    """Return a site with ``tables``; its templates are in ``folder``."""
    for name, source in PAGES.items():
        path = folder / "templates" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    clock = Clock()
    sessions = FakeSessions()
    web = WebContext.build(
        public_url=public_url,
        secret=b"a secret of the tests' own",
        sessions=sessions,
        templates=Templates(folder / "templates", Assets(folder / "static").url, {"name": "Test"}),
        limits=RateLimits(clock.seconds, enabled=rate_limits),
        session_seconds=SESSION_SECONDS,
        trusted_proxies=trusted_proxies,
        wall_clock=lambda: 1_780_000_000 + clock.seconds(),
    )
    bound = [table.bind(None) if isinstance(table, Routes) else table for table in tables]
    dispatcher = HTTPDispatcher(web, bound, errors=error_pages.answer, keeps_opener=popups.leads_to_consent)
    site = HTTPFactory(
        dispatcher,
        reactor or clock,
        https=web.https,
        proxies=web.proxies,
        timeouts=timeouts,
        wall_clock=web.wall_clock,
        **site_options,
    )
    return Harness(site, web, dispatcher, clock, sessions)


@contextmanager
def logged(level: LogLevel = LogLevel.warn) -> Iterator[list[LogEvent]]:
    """Collect the log's events at ``level`` or above while the block runs."""
    events: list[LogEvent] = []

    def observe(event: LogEvent) -> None:
        if event.get("log_level", LogLevel.info) >= level:
            events.append(event)

    globalLogPublisher.addObserver(observe)
    try:
        yield events
    finally:
        globalLogPublisher.removeObserver(observe)


Make = Callable[..., Harness]
