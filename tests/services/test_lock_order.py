"""Writers take their locks in the order that `microblog.store.locks` documents."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred

from microblog import services
from microblog.config.load import Config
from microblog.domain.accounts import Viewer
from microblog.domain.errors import Contended
from microblog.domain.posts import Draft, Post
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.pins import Pins
from microblog.services.posts import Posts
from microblog.store.engine.database import Database
from microblog.store.locks import retried
from tests.factories import create_viewer
from tests.waiting import until


@dataclass
class Scene:
    """A post by ann that bob boosted and carl answered."""

    db: Database
    posts: Posts
    pins: Pins
    ann: Viewer
    bob: Viewer
    carl: Viewer
    post: Post
    answer: Post


@pytest_twisted.async_fixture
async def scene(db: Database, reactor_: Any) -> Scene:
    posts = Posts(Config.load({}, {}), db, EventDispatcher(db, reactor_))
    ann, bob, carl = [await create_viewer(db, name) for name in ("ann", "bob", "carl")]
    post = await posts.publish(ann, Draft("The first"))
    await posts.boost(bob, post.id)
    answer = await posts.publish(carl, Draft("The second", reply_to_id=post.id))
    return Scene(db, posts, Pins(db=db, poke=lambda: None), ann, bob, carl, post, answer)


Act = Callable[[Scene], Awaitable[object]]

#: Each writer, and the post that is locked by another transaction while it runs.
ACTS: dict[str, tuple[Act, str]] = {
    "answer": (lambda s: s.posts.publish(s.bob, Draft("@carl @ann", reply_to_id=s.post.id)), "post"),
    "edit": (lambda s: s.posts.edit(s.ann, s.post.id, Draft("@carl @bob")), "post"),
    "delete": (lambda s: s.posts.delete(s.ann, s.post.id), "post"),
    "delete while an answer changes": (lambda s: s.posts.delete(s.ann, s.post.id), "answer"),
    "delete an answer": (lambda s: s.posts.delete(s.carl, s.answer.id), "post"),
    "boost": (lambda s: s.posts.boost(s.carl, s.post.id), "post"),
    "unboost": (lambda s: s.posts.unboost(s.bob, s.post.id), "post"),
    "favourite": (lambda s: s.posts.favourite(s.carl, s.post.id), "post"),
    "unfavourite": (lambda s: s.posts.unfavourite(s.carl, s.post.id), "post"),
    "pin": (lambda s: s.pins.pin(s.ann, s.post.id), "post"),
}


async def waits(db: Database) -> bool:
    cursor = await db.reads.run(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(cursor.fetchall()[0][0])


@pytest.mark.parametrize("name", ACTS)
async def test_transaction_locks_the_post_before_rows_later_in_the_order(
    name: str, scene: Scene, reactor_: Any
) -> None:
    act, held = ACTS[name]
    async with scene.db.transaction() as tx:
        await tx.run("SELECT FROM posts WHERE id = %s FOR UPDATE", (getattr(scene, held).id,))
        running = ensureDeferred(act(scene))  # type: ignore[arg-type]
        await until(reactor_, lambda: waits(scene.db))
        for table in ("accounts", "users", "notifications", "conversations", "jobs"):
            cursor = await tx.run(
                f"SELECT (SELECT count(*) FROM {table}), "
                f"(SELECT count(*) FROM (SELECT FROM {table} FOR UPDATE SKIP LOCKED) free)"
            )
            [[every, free]] = cursor.fetchall()
            assert free == every, table
    await running


async def test_one_statement_queues_the_mail_of_a_reply_in_the_order_of_keys(
    scene: Scene, reactor_: Any
) -> None:
    """The author of the parent has a higher key than the person who is mentioned."""
    await scene.db.reads.run("DELETE FROM jobs")
    put = "INSERT INTO jobs (kind, key) VALUES ('mail.notifications', 'mail:%s') ON CONFLICT (key) DO NOTHING"
    async with scene.db.transaction() as tx:
        await tx.run(put, (scene.ann.id,))
        running = ensureDeferred(
            scene.posts.publish(scene.bob, Draft("@ann @carl", reply_to_id=scene.answer.id))
        )
        await until(reactor_, lambda: waits(scene.db))
        await tx.run("SET LOCAL lock_timeout = 200")
        await tx.run(put, (scene.carl.id,))  # would wait, and deadlock, if carl's came first
    await running
    cursor = await scene.db.reads.run("SELECT count(*) FROM jobs")
    assert cursor.fetchall() == [(2,)]


async def test_use_case_that_loses_a_deadlock_is_retried_once(db: Database) -> None:
    tries = 0

    @retried
    async def loses(times: int) -> str:
        nonlocal tries
        tries += 1
        async with db.transaction() as tx:
            if tries <= times:
                await tx.run("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40P01'; END $$")
            return "done"

    assert await loses(1) == "done"
    assert tries == 2
    tries = 0
    with pytest.raises(Contended):
        await loses(5)
    assert tries == 2


#: Services whose rows no other transaction locks: credentials of one account, and work that is repeated anyway.
WITHOUT_RETRY = {
    "credentials",
    "demo",
    "jobs",
    "mail_subscriptions",
    "notifications/read",
    "oauth",
    "outgoing_mail",
    "pruning",
    "sessions",
    "site_keys",
    "statistics",
    "tokens",
    "trends",
}


def test_every_use_case_with_a_transaction_is_retried() -> None:
    """Each use case is retried, or its module is in the list above."""
    folder = Path(services.__file__).parent
    not_retried = []
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in WITHOUT_RETRY:
            continue
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.AsyncFunctionDef) or node.name.startswith("_"):
                continue
            opens = ".transaction()" in (ast.get_source_segment(text, node) or "")
            if opens and "retried" not in {ast.unparse(each) for each in node.decorator_list}:
                not_retried.append(f"{name}.{node.name}")
    assert not_retried == []
