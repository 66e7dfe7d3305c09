"""Somebody in a browser: an account, logged in, whose pages and forms the tests use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from microblog.domain.accounts import Account, Role, Viewer
from microblog.domain.rate_limits import RateLimits
from microblog.http.context import WebContext
from microblog.http.dispatcher import HTTPDispatcher
from microblog.http.factory import HTTPFactory
from microblog.http.templates import Templates
from microblog.runtime.resources import templates_dir
from microblog.services.holding import IDLE
from microblog.services.microblog import Microblog
from microblog.services.outgoing_mail import OutgoingMail
from microblog.web import health, popups, static
from microblog.web.html import TABLES, error_pages
from microblog.web.html.facts import SiteFacts
from microblog.web.static import Assets
from tests.http.client import Client, Page

PASSWORD = "a long enough passphrase"


class Person:
    """``browser`` sends what a browser would; ``viewer`` is the same person for the services."""

    def __init__(self, browser: Client, viewer: Viewer) -> None:
        self.browser = browser
        self.viewer = viewer

    @property
    def name(self) -> str:
        return self.viewer.account.name

    async def get(self, path: str, **options: Any) -> Page:
        return await self.browser.get(path, **options)

    async def send(self, path: str, form: dict[str, str] | None = None, **options: Any) -> Page:
        """A form, with a token of this site's."""
        if self.browser.csrf is None:
            await self.browser.csrf_from("/settings")
        return await self.browser.post(path, form=form or {}, **options)


class HtmlSite:
    """A site with people in it. The first who comes is its owner, as on every site."""

    def __init__(self, microblog: Microblog, reactor: Any) -> None:
        self.microblog = microblog
        self._reactor = reactor
        self.site = self._built()

    def stranger(self) -> Client:
        return Client(self.site)

    async def person(self, name: str, password: str = PASSWORD) -> Person:
        account = await self.microblog.sign_up.register(name, f"{name}@example.org", password)
        return await self.logged_in(account)

    async def logged_in(self, account: Account) -> Person:
        browser = Client(self.site)
        token = await self.microblog.sessions.open_for(account, address="192.0.2.1", user_agent="Test")
        browser.cookies["session"] = token
        viewer = await self.microblog.sessions.viewer(token)
        assert viewer is not None
        return Person(browser, viewer)

    async def with_role(self, person: Person, role: Role) -> Person:
        """The same person after the role was given on the console, in a new session."""
        await self.microblog.moderation.set_role(person.name, role)
        return await self.logged_in(person.viewer.account)

    def set(self, **settings: Any) -> None:
        """Other settings, as after a restart; who is there stays, and goes on with the new site."""
        config = replace(self.microblog.config, **settings)
        self.microblog.config = self.microblog.sign_up.config = self.microblog.invitations.config = config
        self.microblog.rate_limits = RateLimits(self._reactor.seconds, enabled=config.rate_limits)
        self.site = self._built()

    async def jobs(self) -> list[dict[str, Any]]:
        """What waits to be done: kind and payload, oldest first."""
        async with self.microblog.db.transaction() as tx:
            cursor = await tx.run("SELECT kind, payload FROM jobs ORDER BY id")
            return [{"kind": kind, "payload": payload} for kind, payload in cursor.fetchall()]

    async def secret_of(self, kind: str) -> str:
        """The secret in the mail of a kind, which there has to be one of."""
        (payload,) = [job["payload"] for job in await self.jobs() if job["kind"] == kind]
        return await OutgoingMail(self.microblog.db).link(payload) or "no link"

    def _built(self) -> HTTPFactory:
        microblog, config, assets = self.microblog, self.microblog.config, Assets()
        web = WebContext.build(
            public_url=config.public_url,
            secret=b"a secret of the tests, long enough",
            sessions=microblog.sessions,
            templates=Templates(templates_dir(), assets.url, SiteFacts.of(config), microblog.now),
            limits=microblog.rate_limits,
            session_seconds=int(IDLE.total_seconds()),
        )
        tables = [
            *(table.bind(microblog) for table in TABLES),
            health.routes.bind(microblog),
            static.routes.bind(assets),
        ]
        return HTTPFactory(
            HTTPDispatcher(web, tables, errors=error_pages.answer, keeps_opener=popups.leads_to_consent),
            self._reactor,
        )


def errors(page: Page) -> list[str]:
    """The messages by the fields of a form that was turned down."""
    return [str(text).strip() for text in page.html.xpath("//p[@class='error']/text()")]


def value(page: Page, name: str) -> str:
    """What a field of the page's form holds."""
    (found,) = page.html.xpath(f"//main//*[@name='{name}']")
    # A browser drops the line break right behind <textarea>; lxml does not.
    return str(found.value).removeprefix("\n") if found.tag == "textarea" else str(found.value)


def flashes(page: Page) -> list[str]:
    return [str(text) for text in page.html.xpath("//p[@class='flash']/text()")]
