"""An event that can't be read, placed or rendered, and a reader that fails, cost no other event and no other reader."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from microblog.domain.events import Event
from microblog.domain.posts import Draft, Span
from microblog.services.live.faults import MAX_KINDS, Faults
from microblog.services.live.groups import Batch, SubscriberGroup
from microblog.services.notifications.groups import NotificationGroups
from microblog.services.notifications.read import Notifications
from microblog.store.events import outbox
from tests.factories import create_viewer
from tests.services.live.live_site import Reading, Site
from tests.waiting import until


@pytest.fixture
def site(live_site: Site) -> Site:
    return live_site


@pytest.fixture
def reports() -> Iterator[list[LogEvent]]:
    """What the live services log as a warning or worse. Nothing of it fails the test."""
    found: list[LogEvent] = []

    def observe(event: LogEvent) -> None:
        if event["log_level"] >= LogLevel.warn and event["log_namespace"].startswith("microblog.services."):
            found.append(event)

    globalLogPublisher.addObserver(observe)
    yield found
    globalLogPublisher.removeObserver(observe)


async def put(site: Site, kind: str, detail: Any = None, post_id: int | None = None) -> None:
    async with site.db.transaction() as tx:
        await outbox(tx).put(kind, None, None, post_id, None if detail is None else json.dumps(detail))


STRANGE = {
    "an unknown kind": ("poll", None),
    "an unknown kind with details": ("quote", {"quote": 1}),
    "a very long kind": ("x" * 5000, None),
    "an empty kind": ("", None),
    "a deletion without details": ("delete", None),
    "a deletion that lacks its author": ("delete", {"visibility": "public"}),
    "a deletion of unknown visibility": (
        "delete",
        {
            "author_id": 1,
            "author_name": "ann",
            "visibility": "circle",
            "mentioned_ids": [],
            "tags": [],
            "thread_id": 1,
            "reply_to_account_id": None,
            "is_boost": False,
        },
    ),
    "a deletion whose details are a list": ("delete", [1, 2]),
    "a notification without its id": ("notification", {"id": 1}),
    "a notification whose id is a word": ("notification", {"notification": "one"}),
    "a notification whose details are a word": ("notification", "one"),
    "a revocation whose details are a list": ("revoked", ["account"]),
    "a revocation of something unknown": ("revoked", {"passkey": 7}),
    "a revocation of several tokens": ("revoked", {"token": [7, 8]}),
    "a revocation whose session is an object": ("revoked", {"session": {"id": 7}}),
    "a revocation whose account is a list": ("revoked", {"account": [7]}),
    "a revocation without details": ("revoked", None),
}


@pytest.mark.parametrize("strange", STRANGE)
async def test_row_that_this_process_cannot_read_is_skipped_live_and_in_catch_up(
    site: Site, strange: str, reports: list[LogEvent]
) -> None:
    ann = await create_viewer(site.db, "ann")
    reader = Reading()
    await site.dispatcher.connect(reader, None).subscribe("public")
    start = site.dispatcher.position
    kind, detail = STRANGE[strange]
    for number in range(3):
        await put(site, kind, detail)
        await put(site, kind, detail)
        await site.posts.publish(ann, Draft(f"post {number}"))
    await site.settled()
    await until(site.reactor, lambda: len(reader.texts) == 3)
    assert sorted(reader.texts) == ["post 0", "post 1", "post 2"]
    late = Reading()
    await site.dispatcher.connect(late, None).subscribe("public", since=start)
    assert late.texts == reader.texts
    assert len(reports) <= 1
    if "unknown kind" in strange:
        assert len(reports) == 1


@pytest.mark.parametrize("detail", [None, ["token"], {"passkey": 7}, {"token": [7, 8]}], ids=str)
async def test_revocation_that_this_process_cannot_read_ends_the_readers_of_its_account(
    site: Site, detail: Any
) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    of_ann, of_bob = Reading(), Reading()
    await site.dispatcher.connect(of_ann, ann).subscribe("home")
    await site.dispatcher.connect(of_bob, bob).subscribe("home")
    async with site.db.transaction() as tx:
        await outbox(tx).put("revoked", ann.id, None, None, json.dumps(detail))
    await site.settled()
    await until(site.reactor, lambda: of_ann.ended == ["revoked"])
    assert of_bob.ended == []


async def test_each_unknown_kind_is_reported_once(site: Site, reports: list[LogEvent]) -> None:
    await site.dispatcher.connect(Reading(), None).subscribe("public")
    for kind in ("poll", "quote", "poll", "quote", "poll"):
        await put(site, kind)
        await site.settled()
    assert sorted(each["what"].split("'")[1] for each in reports) == ["poll", "quote"]


@pytest.mark.parametrize("where", ["for_events", "by_ids"])
async def test_record_that_cannot_be_read_costs_only_its_own_event(
    site: Site, monkeypatch: pytest.MonkeyPatch, where: str, reports: list[LogEvent]
) -> None:
    from microblog.services.live import event_log

    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    reader = Reading()
    await site.dispatcher.connect(reader, bob).subscribe("notifications")
    await site.dispatcher.connect(reader, bob).subscribe("public")
    name = "posts" if where == "for_events" else "notifications"
    accessor = getattr(event_log, name)
    bad: set[int] = set()

    class Broken:
        def __init__(self, session: Any) -> None:
            self._real = accessor(session)

        def __getattr__(self, method: str) -> Any:
            async def ask(ids: list[int], *rest: Any) -> Any:
                if not bad:
                    bad.add(ids[0])
                if bad & set(ids):
                    raise KeyError("a word of a newer process")
                return await getattr(self._real, method)(ids, *rest)

            return ask

    monkeypatch.setattr(event_log, name, Broken)
    monkeypatch.setattr(site.dispatcher, "sequenced", lambda *_: site.dispatcher.poke())
    for number in range(4):
        await site.posts.publish(ann, Draft(f"{number} @bob"))
    await site.settled()
    await until(site.reactor, lambda: len(reader.positions) >= 7)
    assert len(reader.positions) == 7
    assert [each["log_level"] for each in reports] == [LogLevel.critical]


async def test_event_that_one_form_cannot_render_is_left_out_of_that_form_alone(
    site: Site, reports: list[LogEvent]
) -> None:
    ann = await create_viewer(site.db, "ann")

    def render(event: Event) -> bytes:
        assert event.post is not None
        if event.post.text.startswith("bad"):
            raise RuntimeError("no words for it")
        return event.post.text.encode() + b";"

    got: dict[str, bytearray] = {"broken": bytearray(), "whole": bytearray()}

    class Rendering(Reading):
        def __init__(self, name: str, render: Callable[[Event], bytes]) -> None:
            super().__init__()
            self.name, self.render = name, render

        def deliver(self, batch: Batch) -> None:
            got[self.name] += batch.joined(self.name, self.render)

    for name, how in {
        "broken": render,
        "whole": lambda event: b"" if event.post is None else event.post.text.encode() + b";",
    }.items():
        await site.dispatcher.connect(Rendering(name, how), None).subscribe("public")
    for text in ("1", "bad 2", "bad 3", "4"):
        await site.posts.publish(ann, Draft(text))
    await site.settled()
    await until(site.reactor, lambda: got["whole"].count(b";") == 4)
    assert got["broken"] == b"1;4;"
    assert len(reports) == 1


class Failing(Reading):
    def deliver(self, batch: Batch) -> None:
        raise RuntimeError("this connection is broken")


@pytest.mark.parametrize("way", ["deliver", "the farewell too"])
async def test_reader_that_fails_is_cut_off_with_its_cursor_and_loses_nothing(
    site: Site, way: str, reports: list[LogEvent]
) -> None:
    ann = await create_viewer(site.db, "ann")
    failing, others = Failing(), [Reading() for _ in range(3)]
    if way == "the farewell too":
        failing.end = failing.deliver  # type: ignore[method-assign, assignment]

    broken = site.dispatcher.connect(failing, None)
    for live in (*(site.dispatcher.connect(each, None) for each in others[:2]), broken):
        await live.subscribe("public")
    await site.dispatcher.connect(others[2], ann).subscribe("home")
    await site.posts.publish(ann, Draft("one"))
    await site.posts.publish(ann, Draft("two"))
    await site.settled()
    assert all(each.texts == ["one", "two"] for each in others)
    if way == "the farewell too":
        assert broken.closed
    else:
        assert failing.ended == ["error"]
    back = Reading()
    await site.dispatcher.connect(back, None).subscribe("public", since=broken.cursor)
    assert back.texts == ["one", "two"]
    assert len(reports) <= 2


@pytest.mark.parametrize("method", ["wants", "deliver"])
async def test_group_that_fails_delays_no_other_group(
    site: Site, monkeypatch: pytest.MonkeyPatch, method: str, reports: list[LogEvent]
) -> None:
    ann = await create_viewer(site.db, "ann")
    first, second = Reading(), Reading()
    failing = site.dispatcher.connect(first, None)
    await failing.subscribe("public")
    await site.dispatcher.connect(second, ann).subscribe("home")
    assert failing.group is not None
    real, trouble = getattr(SubscriberGroup, method), [failing.group]

    def broken(feed: SubscriberGroup, *arguments: Any) -> Any:
        if feed in trouble:
            raise RuntimeError("a fault in this group")
        return real(feed, *arguments)

    monkeypatch.setattr(SubscriberGroup, method, broken)
    for number in range(3):
        await site.posts.publish(ann, Draft(f"post {number}"))
    await site.settled()
    assert second.texts == ["post 0", "post 1", "post 2"]
    trouble.clear()
    await site.posts.publish(ann, Draft("post 3"))
    await site.settled()
    if method == "deliver":  # it is cut off, and comes back with its cursor
        assert first.ended == ["error"]
        await site.dispatcher.connect(first, None).subscribe("public", since=failing.cursor)
        assert first.texts == [f"post {number}" for number in range(4)]
    else:
        assert first.texts == ["post 3"]
    assert len(reports) == 1


async def test_viewer_whose_relations_cannot_be_read_keeps_events_from_nobody_else(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from microblog.services.live import relationship_cache

    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    poor, well = Reading(), Reading()
    await site.dispatcher.connect(poor, bob).subscribe("home")
    await site.dispatcher.connect(well, None).subscribe("public")
    accessor = relationship_cache.live

    class Broken:
        def __init__(self, session: Any) -> None:
            self._real = accessor(session)

        def __getattr__(self, method: str) -> Any:
            async def ask(*_: Any) -> Any:
                raise KeyError(method)

            return ask

    monkeypatch.setattr(relationship_cache, "live", Broken)
    await site.relation(bob, ann)
    await site.posts.publish(ann, Draft("one"))
    await site.settled()
    await until(site.reactor, lambda: well.texts == ["one"])
    assert poor.ended == ["error"]


def test_reports_of_faults_are_bounded() -> None:
    class Log:
        lines = 0

        def warn(self, *_: Any, **__: Any) -> None:
            self.lines += 1

    log = Log()
    faults = Faults(log)  # type: ignore[arg-type]
    for number in range(MAX_KINDS * 3):
        faults.skipped(f"kind {number}")
    assert log.lines == MAX_KINDS
    assert len(faults.counts) == MAX_KINDS + 1


async def test_notification_of_an_unknown_kind_is_left_out_of_pages_and_groups(site: Site) -> None:
    """A newer process of the site allows more kinds in the table, and writes them."""
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    await site.posts.publish(ann, Draft("hello @bob"))
    await site.run("ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check")
    await site.run(
        "INSERT INTO notifications (account_id, kind, actor_id) VALUES (%s, 'poll', %s)", bob.id, ann.id
    )
    page = await Notifications(site.db).page(bob, Span())
    assert [each.kind.value for each in page.items] == ["mention"]
    groups = await NotificationGroups(site.db).page(bob, Span())
    assert [each.kind.value for each in groups.items] == ["mention"]
