"""What is kept of programs and consent, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from microblog.domain.accounts import Viewer
from microblog.domain.oauth import App, ConsentRequest, OAuthError
from microblog.services.oauth import OAuth
from microblog.services.pruning import Pruning
from microblog.store.engine.database import Database
from tests.factories import create_viewer

URI = "https://app.example/"


class Calendar:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Calendar:
    return Calendar()


@pytest.fixture
def oauth(db: Database, clock: Calendar) -> OAuth:
    return OAuth(db=db, poke=lambda: None, now=clock)


async def consent(oauth: OAuth, viewer: Viewer, scopes: tuple[str, ...] = ("read",)) -> tuple[App, str]:
    app, _ = await oauth.register("Test", [URI], "read offline_access")
    return app, await oauth.allow(viewer, ConsentRequest(app, URI, scopes, None, None))


async def count(db: Database, table: str) -> int:
    cursor = await db.reads.run(f"SELECT count(*) FROM {table}")
    found: int = cursor.fetchall()[0][0]
    return found


async def test_a_code_lasts_ten_minutes(db: Database, oauth: OAuth, clock: Calendar) -> None:
    bob = await create_viewer(db, "bob")
    app, code = await consent(oauth, bob)
    clock.time += timedelta(minutes=10, seconds=1)
    with pytest.raises(OAuthError) as raised:
        await oauth.by_code(app, code, URI, None)
    assert raised.value.error == "invalid_grant"


async def test_a_suspended_person_gives_no_token(db: Database, oauth: OAuth) -> None:
    bob = await create_viewer(db, "bob")
    app, code = await consent(oauth, bob)
    await db.reads.run("UPDATE accounts SET state = 'suspended'")
    with pytest.raises(OAuthError):
        await oauth.by_code(app, code, URI, None)


async def test_every_token_that_ends_is_told(db: Database, oauth: OAuth) -> None:
    """By an event, upon which live streams end."""
    bob = await create_viewer(db, "bob")
    app, code = await consent(oauth, bob)
    await oauth.by_code(app, code, URI, None)
    await oauth.forget(bob, app.id)
    cursor = await db.reads.run("SELECT kind, account_id FROM outbox WHERE kind = 'revoked'")
    assert cursor.fetchall() == [("revoked", bob.id)]


async def test_what_nobody_uses_is_forgotten_and_what_somebody_uses_stays(db: Database, oauth: OAuth) -> None:
    bob = await create_viewer(db, "bob")
    used, code = await consent(oauth, bob, ("read", "offline_access"))
    await oauth.by_code(used, code, URI, None)
    idle, _ = await consent(oauth, bob)
    await oauth.by_credentials(idle)
    for table, column in (("apps", "created_at"), ("grants", "created_at"), ("tokens", "created_at")):
        await db.reads.run(f"UPDATE {table} SET {column} = {column} - interval '91 days'")
    await db.reads.run("UPDATE authorization_codes SET expires_at = expires_at - interval '8 days'")
    await Pruning(db).prune()
    assert await count(db, "authorization_codes") == 0
    cursor = await db.reads.run("SELECT id FROM apps")
    assert cursor.fetchall() == [(used.id,)]
    assert await count(db, "refresh_tokens") == 1
