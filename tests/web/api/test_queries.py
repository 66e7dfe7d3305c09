"""A listing costs the same number of statements, however long it is."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import pytest

from microblog.store.engine.transactions import Transaction
from microblog.web.api.shared_timelines import SharedTimelines
from tests.web.api.api_site import ApiSite, Program

LISTINGS = [
    "/api/v1/timelines/home",
    "/api/v1/timelines/public",
    "/api/v1/timelines/tag/a",
    "/api/v1/timelines/tag/a?all[]=b",
    "/api/v1/accounts/{bob}/statuses",
    "/api/v1/accounts/{bob}/followers",
    "/api/v1/accounts/{bob}/following",
    "/api/v1/bookmarks",
    "/api/v1/favourites",
    "/api/v1/notifications",
    "/api/v1/blocks",
    "/api/v1/mutes",
    "/api/v1/statuses/{post}/context",
    "/api/v1/statuses/{post}/favourited_by",
    "/api/v1/statuses/{post}/reblogged_by",
    "/api/v2/search?q=word",
]


#: the statements of the request under way; those of tasks and of live streams, which go on meanwhile, are not its own
STATEMENTS: ContextVar[list[str] | None] = ContextVar("STATEMENTS", default=None)


class Counter:
    """Keeps the statements that reach the database for a request."""

    def __init__(self, api_site: ApiSite, monkeypatch: pytest.MonkeyPatch) -> None:
        reads = type(api_site.microblog.db.reads)
        for kind in (reads, Transaction):
            monkeypatch.setattr(kind, "run", self._counting(kind.run))

    def _counting(self, run: Any) -> Any:
        async def counting(session: Any, operation: str, *arguments: Any) -> Any:
            if (said := STATEMENTS.get()) is not None:
                said.append(operation)
            return await run(session, operation, *arguments)

        return counting

    async def of(self, program: Program, path: str) -> int:
        await program.json("GET", path)  # the first also notes that the token was used
        said: list[str] = []
        token = STATEMENTS.set(said)
        await program.json("GET", path)
        STATEMENTS.reset(token)
        assert said, path
        return len(said)


async def fill(api_site: ApiSite, bob: Program, people: list[Program], post: str) -> None:
    for person in people:
        await person.json("POST", f"/api/v1/accounts/{bob.id}/follow")
        await bob.json("POST", f"/api/v1/accounts/{person.id}/follow")
        await person.publish("@bob a word #a #b", in_reply_to_id=post)
        own = await bob.publish("another word #a #b")
        for verb in ("favourite", "reblog", "bookmark"):
            await person.json("POST", f"/api/v1/statuses/{post}/{verb}")
            await bob.json("POST", f"/api/v1/statuses/{own['id']}/{verb}")


async def test_listings_cost_the_same_whatever_their_length(
    api_site: ApiSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = await api_site.program("bob")
    post = (await bob.publish("a first word #a #b"))["id"]
    counter = Counter(api_site, monkeypatch)
    # What is remembered for a moment is so however slow this machine is: tokens always, public pages never.
    monkeypatch.setattr(api_site.microblog.tokens, "_seconds", lambda: 0.0)
    api_site.share_timelines(SharedTimelines(object, lambda: 0.0))
    await fill(api_site, bob, [await api_site.program("first")], post)
    paths = [path.format(bob=bob.id, post=post) for path in LISTINGS]
    short = {path: await counter.of(bob, path) for path in paths}
    await fill(api_site, bob, [await api_site.program(f"person{number}") for number in range(6)], post)
    long = {path: await counter.of(bob, path) for path in paths}
    assert long == short
    assert max(long.values()) <= 5
    assert long["/api/v1/timelines/home"] <= 3  # whose token it is, the page, and their filters
