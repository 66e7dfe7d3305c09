"""Who holds a token may be remembered for half a second, and for less when anything changes."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from microblog.domain.accounts import Role, Viewer
from microblog.domain.scopes import SCOPES
from microblog.services.tokens import REMEMBERED, Tokens
from microblog.store.engine.database import Database
from tests.factories import create_viewer
from tests.waiting import now


class Site:
    """Two processes over one database, one of which remembers."""

    def __init__(self, db: Database, reactor: Any, ann: Viewer, token: str) -> None:
        self.ann, self.token = ann, token
        self.clock = Clock()
        self.ours = db
        self.other = Database(db.dsn, reactor, size=1)
        self.tokens = Tokens(db=db, poke=lambda: None, now=now, seconds=self.clock.seconds)
        self.looked = 0
        run = db.reads.run

        async def counted(operation: str, parameters: Any = None) -> Any:
            self.looked += "FROM tokens t" in getattr(operation, "text", operation)
            return await run(operation, parameters)

        db.reads.run = counted

    async def holder(self, *, remembered: bool = True) -> int | None:
        found = await self.tokens.bearer(self.token, remembered=remembered)
        return None if found is None or found.viewer is None else found.viewer.id


async def made(db: Database, reactor: Any) -> Site:
    ann = await create_viewer(db, "ann")
    token = await Tokens(db=db, poke=lambda: None, now=now).create(ann, ["read"])
    site = Site(db, reactor, ann, token)
    await site.holder()  # which notes that it was used
    assert await site.holder() == ann.id
    site.looked = 0
    return site


async def test_within_half_a_second_nobody_looks_again(db: Database, reactor_: Any) -> None:
    site = await made(db, reactor_)
    site.clock.advance(REMEMBERED - 0.01)
    assert await site.holder() == site.ann.id
    assert site.looked == 0
    site.clock.advance(0.02)
    assert await site.holder() == site.ann.id
    assert site.looked == 1
    await site.other.close()


async def test_where_it_was_not_asked_for_it_is_looked_up(db: Database, reactor_: Any) -> None:
    site = await made(db, reactor_)
    assert await site.holder(remembered=False) == site.ann.id
    assert site.looked == 1
    await site.other.close()


async def test_what_this_process_revokes_is_void_at_once(db: Database, reactor_: Any) -> None:
    site = await made(db, reactor_)
    [kept] = await site.tokens.all(site.ann)
    await site.tokens.revoke(site.ann, kept.id)
    assert await site.holder() is None
    await site.other.close()


async def test_whatever_this_process_commits_makes_it_look(db: Database, reactor_: Any) -> None:
    site = await made(db, reactor_)
    async with db.transaction() as tx:
        await tx.run(
            "UPDATE users SET default_visibility = 'followers' WHERE account_id = %s", (site.ann.id,)
        )
    found = await site.tokens.bearer(site.token, remembered=True)
    assert found is not None
    assert found.viewer is not None
    assert found.viewer.default_visibility == "followers"
    await site.other.close()


async def test_what_another_process_revokes_is_void_within_the_second(db: Database, reactor_: Any) -> None:
    site = await made(db, reactor_)
    async with site.other.transaction() as tx:
        await tx.run("DELETE FROM tokens")
    assert await site.holder() == site.ann.id
    site.clock.advance(REMEMBERED)
    assert await site.holder() is None
    assert REMEMBERED < 1
    await site.other.close()


async def test_what_changed_while_it_was_read_is_not_remembered(db: Database, reactor_: Any) -> None:
    site = await made(db, reactor_)
    site.clock.advance(REMEMBERED)
    reading = db.reads.run

    async def slow(operation: str, parameters: Any = None) -> Any:
        found = await reading(operation, parameters)
        async with db.transaction() as tx:
            await tx.run("DELETE FROM tokens")
        return found

    db.reads.run = slow
    assert await site.holder() == site.ann.id
    db.reads.run = reading
    assert await site.holder() is None
    await site.other.close()


@pytest.mark.parametrize("role", list(Role))
async def test_token_has_no_role_powers_for_the_api_or_the_push_port(db: Database, role: Role) -> None:
    owner = await create_viewer(db, "ann", role=role.value)
    tokens = Tokens(db=db, poke=lambda: None, now=now)
    token = await tokens.create(owner, SCOPES)
    viewer, bearer = await tokens.viewer(token), await tokens.bearer(token)
    assert viewer is not None
    assert bearer is not None
    assert bearer.viewer is not None
    assert (viewer.role, bearer.viewer.role) == (Role.USER, Role.USER)
