"""What a request costs does not grow with the site: the rows that a statement looks at are counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from microblog.store.engine.database import Database
from microblog.store.follows import follows
from microblog.store.jobs import jobs
from microblog.store.notification_groups import GROUPED_MOST, WAITING_MOST, notification_groups
from microblog.store.pruning import ENDING, PRUNED, pruning
from microblog.store.statistics import statistics
from microblog.store.tags import tags
from microblog.store.trends import trends
from tests.factories import create_viewer

#: Rows of each kind on the small and on the large site. The small one is above all bounds of the statements.
SMALL, LARGE = 4_000, 24_000
TODAY = datetime.now(UTC)


class Explained(Exception):
    """The plan of a statement, instead of its rows."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.rows = looked_at(plan)


def looked_at(plan: dict[str, Any]) -> float:
    """Return how many rows the scans of a plan looked at, those that a filter left out included."""
    own = 0.0
    if "Scan" in plan["Node Type"] and plan["Node Type"] not in (
        "Subquery Scan",
        "CTE Scan",
        "Function Scan",
    ):
        left_out = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        own = (plan["Actual Rows"] + left_out) * plan["Actual Loops"]
    return own + sum(looked_at(each) for each in plan.get("Plans", ()))


class Explaining:
    """A session that runs a statement for its plan."""

    def __init__(self, tx: Any) -> None:
        self._tx = tx

    async def run(self, operation: str, parameters: Any = None) -> Any:
        cursor = await self._tx.run(f"EXPLAIN (ANALYZE, FORMAT JSON) {operation}", parameters)
        raise Explained(cursor.fetchall()[0][0][0]["Plan"])


Ask = Callable[[Any, int], Awaitable[object]]

READS: dict[str, Ask] = {
    "a group about a post": lambda s, who: notification_groups(s).about(who, "favourite", 1),
    "a group of followers of a day": lambda s, who: notification_groups(s).followers_of(who, TODAY.date()),
    "the policy with its counts": lambda s, who: notification_groups(s).policy(who),
    "the requests": lambda s, who: notification_groups(s).requests(who, None, None, False, 20),
    "the request of an account": lambda s, who: notification_groups(s).request(who, 1),
    "the days of a hot tag": lambda s, who: tags(s).history(["hot"], TODAY.date() - timedelta(days=6)),
    "featured tags of a profile": lambda s, who: tags(s).featured(who),
    "a featured tag": lambda s, who: tags(s).featured_one(who, "hot"),
    "trending tags": lambda s, who: trends(s).tags(0, 10),
    "jobs that are due": lambda s, who: jobs(s).take(["y"], 4, 1, 60.0),
    "requests to follow": lambda s, who: follows(s).waiting(who, 200),
    "the figures of a quiet day": lambda s, who: statistics(s).counts(
        datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)
    ),
}
PRUNINGS: dict[str, Ask] = {
    # Grants and apps that are old and used are looked at once an hour: they are as many as people use.
    f"pruning {name}": lambda s, who, name=name: getattr(pruning(s), name)(2000)  # type: ignore[misc]
    for name in (*ENDING, *PRUNED)
    if name not in ("grants", "apps")
}

FILL = (
    "INSERT INTO accounts (id, name) SELECT n, 'n' || n FROM generate_series({first}, {last}) n",
    (
        "INSERT INTO posts (id, author_id, visibility, text, thread_id, tags) "
        "SELECT n, {who}, 'public', '#hot', n, '{{hot}}' FROM generate_series({first}, {last}) n"
    ),
    "INSERT INTO post_tags (tag, post_id) SELECT 'hot', n FROM generate_series({first}, {last}) n",
    (
        "INSERT INTO follows (follower_id, followee_id, accepted) SELECT n, {who}, n % 2000 > 0 "
        "FROM generate_series({first}, {last}) n"
    ),
    "INSERT INTO favourites (account_id, post_id) SELECT n, 1 FROM generate_series({first}, {last}) n",
    (
        "INSERT INTO notifications (account_id, kind, actor_id, post_id) "
        "SELECT {who}, 'favourite', n, 1 FROM generate_series({first}, {last}) n"
    ),
    (
        "INSERT INTO notifications (account_id, kind, actor_id, post_id) "
        "SELECT {who}, 'boost', n, n FROM generate_series({first}, {last}) n"
    ),
    (
        "INSERT INTO notifications (account_id, kind, actor_id, created_at) "
        "SELECT {who}, 'follow', n, now() - n * interval '1 minute' FROM generate_series({first}, {last}) n"
    ),
    (
        "INSERT INTO notifications (account_id, kind, actor_id, post_id, filtered) "
        "SELECT {who}, 'mention', 1 + n % 500, n, true FROM generate_series({first}, {last}) n"
    ),
    (
        "INSERT INTO sessions (token_hash, account_id) SELECT sha256(('s' || n)::bytea), {who} "
        "FROM generate_series({first}, {last}) n"
    ),
    (
        "INSERT INTO tokens (token_hash, account_id, scopes, expires_at) "
        "SELECT sha256(('t' || n)::bytea), {who}, '{{read}}', now() + interval '1 day' "
        "FROM generate_series({first}, {last}) n"
    ),
    (
        "INSERT INTO email_tokens (token_hash, account_id, purpose, email, expires_at) "
        "SELECT sha256(('e' || n)::bytea), {who}, 'reset', 'x', now() + interval '1 day' "
        "FROM generate_series({first}, {last}) n"
    ),
    (
        "INSERT INTO mutes (account_id, target_id, expires_at) SELECT {who}, n, now() + interval '1 day' "
        "FROM generate_series({first}, {last}) n"
    ),
    (
        "INSERT INTO idempotency_keys (account_id, key, post_id) SELECT {who}, 'k' || n, n "
        "FROM generate_series({first}, {last}) n"
    ),
    "INSERT INTO events (kind) SELECT 'x' FROM generate_series({first}, {last}) n",
    "INSERT INTO jobs (kind, run_at) SELECT 'x', now() + interval '1 hour' FROM generate_series({first}, {last}) n",
    (
        "INSERT INTO reader_samples (at, process, readers) SELECT now() - n * interval '1 second', 'p', 1 "
        "FROM generate_series({first}, {last}) n"
    ),
    "ANALYZE",
)


async def fill(db: Database, who: int, first: int, last: int) -> None:
    for statement in FILL:
        async with db.transaction() as tx:
            await tx.allow(60.0)
            await tx.run(statement.format(who=who, first=first, last=last))


async def cost(db: Database, ask: Ask, who: int) -> float:
    """Return how many rows the statement looks at; what it changes is rolled back."""
    try:
        async with db.transaction() as tx:
            await tx.allow(60.0)
            await ask(Explaining(tx), who)
    except Explained as explained:
        return explained.rows
    raise AssertionError("it ran no statement")


async def test_no_statement_looks_at_more_rows_on_a_larger_site(db: Database) -> None:
    who = (await create_viewer(db, "ann")).id
    await db.reads.run("INSERT INTO featured_tags (account_id, tag, shown) VALUES (%s, 'hot', 'hot')", (who,))
    await fill(db, who, 1, SMALL)
    asked = {**READS, **PRUNINGS}
    small = {name: await cost(db, ask, who) for name, ask in asked.items()}
    await fill(db, who, SMALL + 1, LARGE)
    large = {name: await cost(db, ask, who) for name, ask in asked.items()}
    grown = {name: (small[name], large[name]) for name in asked if large[name] > 1.5 * small[name] + 200}
    assert grown == {}, "\n".join(map(str, grown.items()))


def test_the_small_site_is_larger_than_what_statements_look_at() -> None:
    assert max(WAITING_MOST, GROUPED_MOST) < SMALL


@pytest.mark.parametrize(
    "key", ["follow-", "follow-2026", "follow-20269999", "follow-٢٠٢٦٠١٠١", "favourite-x", "x-1", ""]
)
async def test_a_key_of_no_group_is_not_found(db: Database, key: str) -> None:
    from microblog.domain.errors import NotFound
    from microblog.services.notifications.groups import NotificationGroups

    with pytest.raises(NotFound):
        await NotificationGroups(db).by_key(await create_viewer(db, "ann"), key)


async def test_a_day_in_the_key_of_a_group_is_a_day_in_utc(db: Database) -> None:
    ann, bob = await create_viewer(db, "ann"), await create_viewer(db, "bob")
    for kind, at in (("follow", "2026-03-01 00:00Z"), ("mention", "2026-03-01 12:00Z")):
        await db.reads.run(
            "INSERT INTO notifications (account_id, kind, actor_id, created_at) VALUES (%s, %s, %s, %s)",
            (ann.id, kind, bob.id, at),
        )
    queries = notification_groups(db.reads)
    assert [
        len(await queries.followers_of(ann.id, date(2026, *day))) for day in ((2, 28), (3, 1), (3, 2))
    ] == [0, 1, 0]
