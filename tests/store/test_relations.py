"""What the conditions of `store.relations` cost: anonymous requests read no table of relations for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from microblog.store.endorsements import endorsements
from microblog.store.engine.database import Database
from microblog.store.follows import follows
from microblog.store.pins import pins
from microblog.store.posts.reading import posts
from microblog.store.reactions import reactions
from microblog.store.search import search
from microblog.store.timelines import timelines
from microblog.store.trends import trends

PAGE: dict[str, Any] = {"below": None, "above": None, "ascending": False, "count": 20}
SEARCH: dict[str, Any] = {
    "words": "x",
    "author": None,
    "author_domain": "",
    "language": None,
    "after": None,
    "before": None,
    "zone": "UTC",
}


class Explained(Exception):
    """The plan of a query, in place of its rows."""


class Explaining:
    """A session that asks how a query would run."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def run(self, sql: str, parameters: Any = None) -> Any:
        cursor = await self._db.reads.run(f"EXPLAIN {sql}", parameters)
        raise Explained("\n".join(line for (line,) in cursor.fetchall()))


async def plan(query: Awaitable[object]) -> str:
    with pytest.raises(Explained) as explained:
        await query
    return str(explained.value)


def timeline_queries(session: Any, viewer: int | None) -> dict[str, Callable[[], Awaitable[object]]]:
    """Listings that anonymous requests may read."""
    return {
        "post": lambda: posts(session).visible(1, viewer),
        "posts": lambda: posts(session).visible_among([1, 2], viewer),
        "ancestors": lambda: posts(session).ancestors(1, viewer),
        "thread": lambda: posts(session).of_thread(1, 0, viewer, 100),
        "history": lambda: posts(session).edits(1, viewer),
        "public": lambda: timelines(session).public(viewer, False, False, **PAGE),
        "tag": lambda: timelines(session).tag(viewer, "x", **PAGE),
        "tags": lambda: timelines(session).tags(viewer, ["x"], [], [], **PAGE),
        "profile": lambda: timelines(session).account(viewer, 1, True, True, None, **PAGE),
        "pins": lambda: pins(session).of(viewer, 1),
        "search": lambda: search(session).posts(viewer, **SEARCH, **PAGE),
        "trends": lambda: trends(session).posts(viewer, 0, 20),
        "directory": lambda: trends(session).newest(viewer, True, 0, 20),
        "favourited by": lambda: reactions(session).favourited_by(viewer, 1, **PAGE),
        "boosted by": lambda: reactions(session).boosted_by(viewer, 1, **PAGE),
        "followers": lambda: follows(session).followers(viewer, 1, True, **PAGE),
        "following": lambda: follows(session).following(viewer, 1, **PAGE),
        "endorsements": lambda: endorsements(session).of(viewer, 1, **PAGE),
    }


def read_by(explained: str) -> set[str]:
    return {table for table in ("blocks", "mutes") if f" on {table} " in explained}


@pytest.mark.parametrize("name", sorted(timeline_queries(None, None)))
async def test_anonymous_request_reads_no_relations(db: Database, name: str) -> None:
    explained = await plan(timeline_queries(Explaining(db), None)[name]())
    assert read_by(explained) == set(), explained


LISTED = ("ancestors", "thread", "public", "tag", "tags", "profile", "search", "trends", "directory")


@pytest.mark.parametrize("name", LISTED)
async def test_listing_for_an_account_reads_its_blocks_and_mutes(db: Database, name: str) -> None:
    explained = await plan(timeline_queries(Explaining(db), 1)[name]())
    assert read_by(explained) == {"blocks", "mutes"}, explained
