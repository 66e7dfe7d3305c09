"""People with programs: accounts whose access tokens the tests use, on a site with all its routes."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from microblog.domain.accounts import Account, Viewer
from microblog.http.context import WebContext
from microblog.http.dispatcher import HTTPDispatcher
from microblog.http.factory import HTTPFactory
from microblog.http.templates import Templates
from microblog.runtime.resources import templates_dir
from microblog.services.holding import IDLE
from microblog.services.microblog import Microblog
from microblog.web import api, health, popups, static
from microblog.web.api.shared_timelines import SharedTimelines
from microblog.web.html import TABLES, error_pages
from microblog.web.html.facts import SiteFacts
from microblog.web.static import Assets
from tests.factories import create_viewer
from tests.http.client import Client, Page

ALL = ("read", "write", "follow", "push", "profile")
CALLBACK = "https://app.example/callback"
VERIFIER = "v" * 64
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class Program(Client):
    """A client that sends its access token with each request, and never cookies."""

    def __init__(self, site: HTTPFactory, token: str | None, viewer: Viewer | None = None) -> None:
        super().__init__(site, headers={} if token is None else {"Authorization": f"Bearer {token}"})
        self.token = token
        self._viewer = viewer

    @property
    def viewer(self) -> Viewer:
        assert self._viewer is not None
        return self._viewer

    @property
    def id(self) -> str:
        return str(self.viewer.id)

    async def json(self, method: str, path: str, *, status: int = 200, **options: Any) -> Any:
        """What an endpoint answers with ``status``."""
        page = await self.request(method, path, **options)
        assert page.status == status, f"{method} {path}: {page.status} {page.text}"
        assert page.headers["content-type"].startswith("application/json")
        return page.json()

    async def publish(self, text: str, **more: Any) -> Any:
        return await self.json("POST", "/api/v1/statuses", json={"status": text, **more})


class ApiSite:
    """A site with people in it."""

    def __init__(self, microblog: Microblog, reactor: Any) -> None:
        self.microblog = microblog
        config, assets = microblog.config, Assets()
        self.web = WebContext.build(
            public_url=config.public_url,
            secret=b"a secret of the tests, long enough",
            sessions=microblog.sessions,
            templates=Templates(templates_dir(), assets.url, SiteFacts.of(config), microblog.now),
            limits=microblog.rate_limits,
            session_seconds=int(IDLE.total_seconds()),
        )
        self.shared_timelines: SharedTimelines | None = None
        self._api_tables = [table.bind(microblog) for table in api.TABLES]
        self.dispatcher = HTTPDispatcher(
            self.web,
            [
                *(table.bind(microblog) for table in TABLES),
                *self._api_tables,
                health.routes.bind(microblog),
                static.routes.bind(assets),
            ],
            errors=error_pages.answer,
            keeps_opener=popups.leads_to_consent,
        )
        self.site = HTTPFactory(self.dispatcher, reactor)

    def share_timelines(self, cache: SharedTimelines | None) -> None:
        """Give the endpoints a cache of public timelines, or none."""
        self.shared_timelines = cache
        for bound in self._api_tables:
            object.__setattr__(bound, "shared", cache)

    def stranger(self) -> Program:
        return Program(self.site, None)

    async def program(self, name: str, scopes: Iterable[str] = ALL, **more: Any) -> Program:
        """Somebody new, with a program that holds a token with ``scopes``."""
        return await self.other(await create_viewer(self.microblog.db, name, **more), scopes)

    async def other(self, viewer: Viewer | Program, scopes: Iterable[str]) -> Program:
        """The same person, with another token."""
        viewer = viewer.viewer if isinstance(viewer, Program) else viewer
        token = await self.microblog.tokens.create(viewer, scopes)
        return Program(self.site, token, viewer)

    async def browser(self, viewer: Viewer | Account) -> Client:
        """Somebody's browser, logged in."""
        account = viewer.account if isinstance(viewer, Viewer) else viewer
        browser = Client(self.site)
        browser.cookies["session"] = await self.microblog.sessions.open_for(account)
        return browser

    async def app(
        self, *, redirect_uris: str = CALLBACK, scopes: str = "read write follow"
    ) -> dict[str, Any]:
        """A program's registration."""
        sent = {"client_name": "Test", "redirect_uris": redirect_uris, "scopes": scopes}
        registered: dict[str, Any] = await self.stranger().json("POST", "/api/v1/apps", form=sent)
        return registered

    async def of_app(self, scopes: str = "read write") -> Program:
        """A program that acts for itself."""
        app = await self.app(scopes=scopes)
        issued = await self.stranger().json(
            "POST",
            "/oauth/token",
            form={
                "grant_type": "client_credentials",
                "client_id": app["client_id"],
                "client_secret": app["client_secret"],
                "scope": scopes,
            },
        )
        return Program(self.site, issued["access_token"])


def answered(page: Page) -> dict[str, str]:
    """What a redirect to the program says."""
    assert page.status == 303, page.text
    return {name: values[0] for name, values in parse_qs(urlsplit(page.headers["location"]).query).items()}
