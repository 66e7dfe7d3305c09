"""A site with people on it, for the tests of the services: the real database, and cheap password hashes."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from microblog.config.load import Config
from microblog.domain.accounts import Viewer
from microblog.domain.events import Event
from microblog.domain.posts import Draft, Post
from microblog.domain.visibility import Visibility
from microblog.services.accounts import Accounts
from microblog.services.credentials import Credentials
from microblog.services.deletion import Deletion
from microblog.services.follows import Follows
from microblog.services.invitations import Invitations
from microblog.services.jobs import Jobs
from microblog.services.moderation import Moderation
from microblog.services.notifications.read import Notifications
from microblog.services.outgoing_mail import OutgoingMail
from microblog.services.passwords import Passwords
from microblog.services.profiles import Profiles
from microblog.services.search import Search
from microblog.services.sessions import Sessions
from microblog.services.sign_up import SignUp
from microblog.services.tokens import Tokens
from microblog.store.engine.database import Database
from tests.factories import CHEAP

PASSWORD = "correct horse battery"


class Time:
    """The present, which a test can move."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **spans: float) -> None:
        self.ahead += timedelta(**spans)


class Site:
    """The services of people over one database; ``pokes`` counts what the dispatcher was told."""

    def __init__(self, db: Database, reactor: Any, **settings: object) -> None:
        self.db = db
        self.config = Config.load(settings, {})
        self.now = Time()
        self.pokes = 0
        self.passwords = Passwords(reactor, CHEAP)
        common: dict[str, Any] = {"db": db, "poke": self.poke, "now": self.now}
        jobs = Jobs(db)
        self.accounts = Accounts(db)
        self.sign_up = SignUp(config=self.config, passwords=self.passwords, jobs=jobs, **common)
        self.invitations = Invitations(config=self.config, db=db, now=self.now)
        self.sessions = Sessions(passwords=self.passwords, **common)
        self.tokens = Tokens(**common)
        self.follows = Follows(**common)
        self.profiles = Profiles(config=self.config, db=db, accounts=self.accounts, follows=self.follows)
        self.credentials = Credentials(accounts=self.accounts, passwords=self.passwords, jobs=jobs, **common)
        self.moderation = Moderation(db=db, accounts=self.accounts, jobs=jobs, poke=self.poke)
        self.deletion = Deletion(db, self.credentials, self.poke)
        self.notifications = Notifications(db)
        self.search = Search(config=self.config, db=db)

    def poke(self) -> None:
        self.pokes += 1

    def sequenced(self, position: int, event: Event | None = None) -> None:
        self.pokes += 1

    def over(self, **settings: object) -> Site:
        """The same site with other settings."""
        return Site(self.db, self.passwords._reactor, **settings)

    async def person(self, name: str, password: str = PASSWORD) -> Viewer:
        """Somebody who has signed up, as a viewer without a session."""
        account = await self.sign_up.register(name, f"{name}@example.org", password)
        return await self.viewer(account.id)

    async def people(self, *names: str) -> list[Viewer]:
        return [await self.person(name) for name in names]

    async def viewer(self, account_id: int) -> Viewer:
        viewer = await self.sessions.viewer_of(account_id)
        assert viewer is not None
        return viewer

    async def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What the database has, or changes to it."""
        async with self.db.transaction() as tx:
            cursor = await tx.run(statement, parameters or None)
            return list(cursor.fetchall()) if cursor.description else []

    async def counts(self, viewer: Viewer) -> tuple[int, int]:
        """Followers and following, as the account has them."""
        [found] = await self.sql(
            "SELECT followers_count, following_count FROM accounts WHERE id = %s", viewer.id
        )
        return found

    async def events(self) -> list[tuple[str, int | None, int | None, Any]]:
        """What waits in the outbox, and what is in the log: kind, who, for whom, detail."""
        return await self.sql(
            "SELECT kind, account_id, recipient_id, detail FROM events UNION ALL "
            "SELECT kind, account_id, recipient_id, detail FROM outbox"
        )

    async def secret_of(self, kind: str) -> str:
        """The secret in the newest mail of a kind."""
        found = await self.sql("SELECT payload FROM jobs WHERE kind = %s ORDER BY id DESC LIMIT 1", kind)
        return await OutgoingMail(self.db, now=self.now).link(found[0][0]) or "no link"

    async def post(
        self, author: Viewer, text: str, visibility: Visibility = Visibility.PUBLIC, to: Post | None = None
    ) -> Post:
        """Something published, through the service of posts."""
        from microblog.services.posts import Posts

        service: Any = Posts(self.config, self.db, self)  # type: ignore[arg-type]
        post: Post = await service.publish(
            author,
            Draft(text, visibility=visibility, reply_to_id=to.id if to else None, key=secrets.token_hex(8)),
        )
        return post
