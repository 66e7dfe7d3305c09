"""Traps of this stack that no other test module covers. Each of them has caused a fault.

Most traps have their tests beside what they are about: Klein's names and redirects in ``web/test_routing.py``, its
dicts and cancelling in ``web/test_website.py``; Twisted's parser in ``web/test_guard.py``; slow and silent clients in
``web/test_channel.py``; draining in ``web/test_site.py``; the pool's in ``store/test_database.py``; commit order in
``services/test_notifier.py``; Chinese in ``domain/test_search_found.py``; CR LF in ``tasks/test_smtp.py``; wheels and
plugins in ``test_packaging.py``.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.protocol import BaseProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import ILogObserver, globalLogPublisher
from twisted.protocols.basic import LineReceiver
from twisted.web.resource import Resource
from zope.interface import implementer

from microblog.config.load import Config
from microblog.domain.posts import Draft, Span
from microblog.domain.visibility import Visibility
from microblog.http.channel import Channel, Timeouts
from microblog.http.factory import HTTPFactory
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.microblog import Microblog
from microblog.services.posts import Posts
from microblog.services.timelines import Timelines
from microblog.store.engine import transactions as store
from microblog.store.engine.database import Database
from tests.factories import create_viewer

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "microblog").rglob("*.py"))


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in SOURCES:
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def names_in(tree: ast.AST) -> set[str]:
    return {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)} | {
        each.id for each in ast.walk(tree) if isinstance(each, ast.Name)
    }


class TestReactor:
    def test_what_twisted_calls_is_never_a_coroutine_function(self) -> None:
        """``async def lineReceived`` never runs: Twisted doesn't await it, and the coroutine counts as true."""
        called = {
            name
            for kind in (LineReceiver, BaseProtocol, Channel)
            for name in dir(kind)
            if name != name.lower()
        }
        found = [
            f"{path}: {each.name}"
            for path, tree in trees()
            for each in ast.walk(tree)
            if isinstance(each, ast.AsyncFunctionDef)
            and each.name in called | {"startService", "stopService"}
        ]
        assert found == []

    #: where a waiting caller must get an answer, or the next one its turn, whatever ended this
    SWALLOWS = frozenset(
        {
            ("microblog/protocols/connection.py", "_execute"),
            ("microblog/runtime/process.py", "_stop_all"),
            ("microblog/store/embedded/server.py", "_heal"),
            ("microblog/services/batch_loader.py", "_load_all"),
        }
    )

    def test_nothing_swallows_a_cancellation_by_accident(self) -> None:
        """Twisted's CancelledError is an Exception: ``except Exception`` catches it, unless an earlier clause does."""
        assert issubclass(CancelledError, Exception)
        found = {
            (path, function.name)
            for path, tree in trees()
            for function in ast.walk(tree)
            if isinstance(function, ast.AsyncFunctionDef)
            for attempt in ast.walk(function)
            if isinstance(attempt, ast.Try) and self._swallows(attempt)
        }
        assert found == self.SWALLOWS

    @staticmethod
    def _swallows(attempt: ast.Try) -> bool:
        if not any(isinstance(each, ast.Await) for step in attempt.body for each in ast.walk(step)):
            return False
        for handler in attempt.handlers:
            kind = "" if handler.type is None else ast.unparse(handler.type)
            if "CancelledError" in kind:
                return False
            if kind in ("", "Exception"):
                return not any(isinstance(each, ast.Raise) for each in ast.walk(handler))
        return False

    def test_one_connection_that_breaks_does_not_end_the_deadlines_of_the_others(self) -> None:
        """A LoopingCall ends for good at the first exception."""
        clock = Clock()
        events: list[dict[str, Any]] = []

        @implementer(ILogObserver)
        def observe(event: dict[str, Any]) -> None:
            events.append(event)

        site = HTTPFactory(Resource(), clock, timeouts=Timeouts(head=1.0))
        broken, sound = site.buildProtocol(None), site.buildProtocol(None)
        transports = [StringTransport(), StringTransport()]
        broken.makeConnection(transports[0])

        def fail(now: float) -> None:
            raise RuntimeError("broken")

        broken.overdue = fail  # type: ignore[method-assign]
        globalLogPublisher.addObserver(observe)
        try:
            clock.pump([1.0, 1.0])
            sound.makeConnection(transports[1])
            clock.pump([1.0, 1.0])
        finally:
            globalLogPublisher.removeObserver(observe)
        assert transports[1].disconnecting
        assert sum("log_failure" in event for event in events) == 1
        site.closed(broken)
        site.closed(sound)
        assert clock.getDelayedCalls() == []


class TestDriver:
    def test_what_txpostgres_cannot_do_with_coroutines_is_not_asked_of_it(self) -> None:
        """``pool.runInteraction(async_fn)`` commits an empty transaction; ``executemany`` raises in async mode."""
        banned = {"runInteraction", "executemany", "ConnectionPool"}
        assert [path for path, tree in trees() if names_in(tree) & banned] == []

    async def test_no_change_that_people_make_often_notifies_in_its_transaction(
        self, db: Database, reactor_: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """NOTIFY makes all who commit wait for each other: the wake-up goes out after the commit, on its own."""
        said: list[str] = []
        execute = store._execute

        async def listening(connection: Any, operation: str, parameters: Any) -> Any:
            said.append(operation)
            return await execute(connection, operation, parameters)

        monkeypatch.setattr(store, "_execute", listening)
        posts = Posts(Config.load({}, {}), db, EventDispatcher(db, reactor_))
        ann, bob = await create_viewer(db, "ann"), await create_viewer(db, "bob")
        said.clear()
        post = await posts.publish(ann, Draft("Hello @bob #first", key="once"))
        await posts.publish(bob, Draft("@ann hi", reply_to_id=post.id, visibility=Visibility.DIRECT))
        await posts.edit(ann, post.id, Draft("Hello @bob again"))
        await posts.favourite(bob, post.id)
        await posts.boost(bob, post.id)
        await posts.unboost(bob, post.id)
        await posts.delete(ann, post.id)
        assert sum(statement.startswith("BEGIN;") for statement in said) >= 7
        assert [
            statement
            for statement in said
            if "notify" in statement.lower().replace("notify and accepted", "")
        ] == []

    async def test_a_page_of_a_timeline_is_read_from_its_index_whatever_the_cursor(
        self, db: Database, reactor_: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Parameters are put in by the driver, so the planner sees constants where the SQL has a CASE and an OR."""
        read: list[tuple[str, Any]] = []
        execute = store._execute

        async def listening(connection: Any, operation: str, parameters: Any) -> Any:
            read.append((operation, parameters))
            return await execute(connection, operation, parameters)

        await db.reads.run(
            "INSERT INTO accounts (name) SELECT 'a' || n FROM generate_series(1, 20) n; "
            "INSERT INTO posts (author_id, visibility, text, thread_id) SELECT a.id, 'public', 'x', 1 "
            "FROM generate_series(1, 200) n, accounts a; ANALYZE posts; ANALYZE accounts"
        )
        [[middle]] = (await db.reads.run("SELECT id FROM posts ORDER BY id OFFSET 2000 LIMIT 1")).fetchall()
        monkeypatch.setattr(store, "_execute", listening)
        timelines = Timelines(db)
        for span in (Span(), Span(max_id=middle), Span(min_id=middle), Span(since_id=middle)):
            await timelines.public(None, span)
        monkeypatch.undo()
        assert len(read) == 4
        for operation, parameters in read:
            cursor = await db.reads.run("EXPLAIN " + operation, parameters)
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert re.search(r"Index Scan.* using posts_(public|pkey) on posts", plan), plan
            assert "Sort" not in plan, plan
            assert "CASE" not in plan, plan


class TestNetwork:
    def test_nobody_fetches_without_a_cap_on_what_is_unpacked(self) -> None:
        """284 KB of gzip become 300 MB by ``ContentDecoderAgent`` and ``readBody``. So far nothing is fetched."""
        banned = {"treq", "readBody", "ContentDecoderAgent", "urlopen", "requests"}
        found = []
        for path, tree in trees():
            imported = {
                alias.name.partition(".")[0]
                for each in ast.walk(tree)
                if isinstance(each, ast.Import | ast.ImportFrom)
                for alias in [
                    *each.names,
                    *([ast.alias(each.module or "")] if isinstance(each, ast.ImportFrom) else []),
                ]
            }
            if imported & banned:
                found.append(path)
        assert found == []

    def test_mail_is_built_by_the_one_class_that_refuses_line_breaks_in_headers(self) -> None:
        """``email.mime`` and ``email.message.Message`` write whatever a header is given."""
        for path, tree in trees():
            for each in ast.walk(tree):
                if isinstance(each, ast.ImportFrom) and (each.module or "").startswith("email"):
                    assert not (each.module or "").startswith("email.mime"), path
                    assert "Message" not in [alias.name for alias in each.names], path


class TestPackaging:
    def test_what_twisted_leaves_in_the_tree_is_not_committed(self) -> None:
        """``dropin.cache`` appears beside the plugin wherever twistd has run."""
        ignored = subprocess.run(
            ["git", "check-ignore", "--quiet", "--no-index", "twisted/plugins/dropin.cache"],
            cwd=ROOT,
            check=False,
        )
        if not (ROOT / ".git").exists():
            assert "dropin.cache" in (ROOT / ".gitignore").read_text()
        else:
            assert ignored.returncode == 0


async def test_a_whole_site_stands_on_the_default_reactor(dsn: str, reactor_: Any, tmp_path: Path) -> None:
    """pytest-twisted and asyncio's loop are not mixed, and nothing is left scheduled when a site ends."""
    assert type(reactor_).__module__ != "twisted.internet.asyncioreactor"
    before = set(map(id, reactor_.getDelayedCalls()))
    microblog = Microblog(Config.load({"data_dir": str(tmp_path)}, {}), dsn, reactor_, listen=True)
    await microblog.start()
    await microblog.stop()
    left = [call for call in reactor_.getDelayedCalls() if id(call) not in before]
    assert [call for call in left if "microblog" in getattr(call.func, "__module__", "") or ""] == []
