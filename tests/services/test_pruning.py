"""Forgetting what is over, and nothing else."""

from __future__ import annotations

import pytest

from microblog.domain.errors import TookTooLong
from microblog.services.pruning import Pruning
from microblog.store.engine.database import Database
from microblog.store.pruning import PRUNED
from tests.tasks.logs import logged
from tests.tasks.site import People


@pytest.fixture
def people(db: Database) -> People:
    return People(db)


#: Three of different kinds, as nobody is notified twice of the same.
NOTIFICATION = (
    "INSERT INTO notifications (id, kind, account_id, actor_id, filtered) "
    "SELECT snowflake(now() - age::interval), "
    "CASE key WHEN 'a' THEN 'follow' WHEN 'b' THEN 'mention' ELSE 'boost' END, id, id, {} "
    "FROM (VALUES (%s, %s::bigint, %s)) AS w (key, id, age)"
)

CASES = {
    "sessions": (
        "INSERT INTO sessions (token_hash, account_id, seen_at) VALUES (sha256(%s::bytea), %s, now() - %s::interval)",
        ("91 days", "89 days"),
    ),
    "tokens": (
        (
            "INSERT INTO tokens (token_hash, account_id, scopes, expires_at) "
            "VALUES (sha256(%s::bytea), %s, '{{read}}', now() - %s::interval)"
        ),
        ("31 days", "1 day"),
    ),
    "email_tokens": (
        (
            "INSERT INTO email_tokens (token_hash, account_id, purpose, email, expires_at) "
            "VALUES (sha256(%s::bytea), %s, 'reset', 'x', now() - %s::interval)"
        ),
        ("2 days", "1 hour"),
    ),
    "events": (
        "INSERT INTO events (kind, detail, account_id, at) VALUES ('x', to_jsonb(%s::text), %s, now() - %s::interval)",
        ("8 days", "6 days"),
    ),
    "parked_jobs": (
        (
            "INSERT INTO jobs (kind, payload, parked_at) "
            "VALUES (%s, jsonb_build_object('account', %s), now() - %s::interval)"
        ),
        ("91 days", "30 days"),
    ),
    "notifications": (NOTIFICATION.format("false"), ("366 days", "364 days")),
    "notification_requests": (NOTIFICATION.format("true"), ("91 days", "89 days")),
    "reader_samples": (
        "INSERT INTO reader_samples (process, readers, at) VALUES (%s, %s % 1000 + 1, now() - %s::interval)",
        ("9 days", "7 days"),
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_old_rows_go_and_young_ones_stay(db: Database, people: People, name: str) -> None:
    insert, (old, young) = CASES[name]
    insert = insert.replace("{{", "{").replace("}}", "}").replace("%s % 1000", "%s %% 1000")
    bob = await people.user("bob")
    for key, age in {"a": old, "b": old, "c": young}.items():
        await people.sql(insert, key, bob, age)
    assert await Pruning(db).prune() == {name: 2}
    assert await Pruning(db).prune() == {}


async def test_idempotency_keys_are_kept_for_a_day(db: Database, people: People) -> None:
    bob = await people.user("bob")
    post = await people.post(bob)
    for key, age in {"old": "25 hours", "young": "23 hours"}.items():
        await people.sql(
            "INSERT INTO idempotency_keys (account_id, key, post_id, created_at) "
            "VALUES (%s, %s, %s, now() - %s::interval)",
            bob,
            key,
            post,
            age,
        )
    assert await Pruning(db).prune() == {"idempotency_keys": 1}


async def test_the_newest_event_stays_however_old(db: Database, people: People) -> None:
    for age in ("30 days", "20 days"):
        await people.sql("INSERT INTO events (kind, at) VALUES ('x', now() - %s::interval)", age)
    assert await Pruning(db).prune() == {"events": 1}
    assert await people.sql("SELECT position FROM events") == 2


async def test_a_mute_ends_and_live_readers_hear_of_it(db: Database, people: People) -> None:
    bob, alice, eve = [await people.user(name) for name in ("bob", "alice", "eve")]
    for target, ends in ((alice, "-1 s"), (eve, "1 day")):
        await people.sql(
            "INSERT INTO mutes (account_id, target_id, expires_at) VALUES (%s, %s, now() + %s::interval)",
            bob,
            target,
            ends,
        )
    assert await Pruning(db).prune() == {}
    assert await Pruning(db).end() == {"mutes": 1}
    assert (
        await people.count("outbox", f"kind = 'relation' AND account_id = {bob} AND recipient_id = {alice}")
        == 1
    )
    assert await people.count("mutes") == 1


async def test_jobs_that_wait_are_not_touched(db: Database, people: People) -> None:
    await people.put("test", {})
    await people.sql(
        "UPDATE jobs SET created_at = now() - interval '1 year', run_at = now() - interval '1 year'"
    )
    assert await Pruning(db).prune() == {}


async def test_a_table_that_takes_too_long_stops_no_other(
    db: Database, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = await people.user("bob")
    for name in ("sessions", "events"):
        insert, (old, _) = CASES[name]
        for key in ("a", "b"):
            await people.sql(insert, key, bob, old)
    pruner, whole = Pruning(db), Pruning._table

    async def table(self: Pruning, name: str) -> int:
        if name in failing:
            raise TookTooLong
        return await whole(self, name)

    monkeypatch.setattr(Pruning, "_table", table)
    failing = set(PRUNED) - {"events"}
    with logged() as lines:
        assert await pruner.prune() == {"events": 1}  # the newest event stays
    assert len(lines) == len(failing)
    failing = {"events"}
    assert await pruner.prune() == {"sessions": 2}
    failing = set(PRUNED)
    with pytest.raises(TookTooLong):
        await pruner.prune()
