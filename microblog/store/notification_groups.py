"""Groups of notifications, and notification requests, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, Protocol

from dbxs import query, statement

from microblog.domain.notification_groups import NotificationPolicy, Verdict
from microblog.store.accounts import ACCOUNT_COLUMNS, account_from
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import maybe_row, rows
from microblog.store.engine.paging import within
from microblog.store.notifications import NOTIFICATION_TABLES
from microblog.store.relations import NOTIFICATION_READ, NOTIFICATION_SHOWN, notification_reaches

#: Notifications from a cursor on that are grouped, which bounds the cost of a page.
GROUPED_MOST: Final = 1000
SAMPLE: Final = 8  #: accounts that a group names

KEY: Final = """CASE
    WHEN n.kind IN ('favourite', 'boost') AND n.post_id IS NOT NULL AND n.kind = ANY({grouped}::text[])
        THEN n.kind || '-' || n.post_id
    WHEN n.kind = 'follow' AND n.kind = ANY({grouped}::text[])
        THEN 'follow-' || to_char(n.created_at AT TIME ZONE 'UTC', 'YYYYMMDD')
    ELSE 'ungrouped-' || n.id END"""


class GroupRow:
    """A group of ids. The caller looks them up for all groups of a page at once."""

    __slots__ = (
        "actor_ids",
        "as_of",
        "count",
        "key",
        "kind",
        "newest_at",
        "newest_id",
        "newest_number",
        "oldest_id",
        "post_id",
        "read",
    )

    def __init__(
        self,
        key: str,
        kind: str,
        count: int,
        newest_id: int,
        oldest_id: int,
        newest_at: datetime,
        post_id: int | None,
        actor_ids: Sequence[int],
        read: bool,
        as_of: str,
        newest_number: int | None,
    ) -> None:
        self.key = key
        self.kind = kind
        self.count = count
        self.newest_id = newest_id
        self.oldest_id = oldest_id
        self.newest_at = newest_at
        self.post_id = post_id
        self.actor_ids = actor_ids
        self.read = read
        self.as_of = as_of
        self.newest_number = newest_number


_GROUPS: Final = f"""
    SELECT m.key, m.kind, count(*), max(m.id), min(m.id), max(m.created_at), max(m.post_id),
        (array_agg(m.actor_id ORDER BY m.id DESC))[1:{SAMPLE}], bool_and(m.read), pg_current_snapshot()::text,
        (array_agg(m.number ORDER BY m.id DESC))[1]
    FROM (
        SELECT n.id, n.number, n.kind, n.post_id, n.actor_id, n.created_at, {NOTIFICATION_READ} AS read, {KEY} AS key
        FROM {NOTIFICATION_TABLES}
        WHERE n.account_id = {{viewer}} AND {NOTIFICATION_SHOWN}
            AND ({{kinds}}::text[] IS NULL OR n.kind = ANY({{kinds}}::text[])) AND __WHERE__
        ORDER BY CASE WHEN {{ascending}} THEN n.id END ASC, CASE WHEN NOT {{ascending}} THEN n.id END DESC
        LIMIT {GROUPED_MOST}
    ) m
    GROUP BY m.key, m.kind"""


def _policy(rules: list[str], requests: int, notifications: int) -> NotificationPolicy:
    following, followers, new, private, limited = (Verdict(each) for each in rules)
    return NotificationPolicy(following, followers, new, private, limited, requests, notifications)


def _request(*row: Any) -> tuple[int, datetime, datetime, int, int | None, Any]:
    count, first, last, newest_id, post_id = row[:5]
    return count, first, last, newest_id, post_id, account_from(row[5:])


#: Newest waiting notifications that are counted and listed as requests, which bounds the cost.
WAITING_MOST: Final = 500


def _waiting(recipient: str, more: str = "") -> str:
    """Return the tables with only the newest waiting notifications of a recipient."""
    newest = (
        f"(SELECT n.* FROM notifications n WHERE n.account_id = {recipient} AND n.filtered {more} "
        f"ORDER BY n.id DESC LIMIT {WAITING_MOST}) n"
    )
    return newest + NOTIFICATION_TABLES.removeprefix("notifications n")


def _requests(of_whom: str) -> str:
    return f"""
    SELECT w.count, w.first, w.last, w.newest_id, w.post_id, {ACCOUNT_COLUMNS}
    FROM (
        SELECT m.actor_id, count(*) AS count, min(m.created_at) AS first, max(m.created_at) AS last,
            max(m.id) AS newest_id, max(m.post_id) AS post_id
        FROM (
            SELECT n.id, n.actor_id, n.created_at, n.post_id FROM {_waiting("{viewer}", of_whom)}
            WHERE {notification_reaches()}
        ) m GROUP BY m.actor_id
    ) w JOIN accounts a ON a.id = w.actor_id"""


class NotificationGroupQueries(Protocol):
    @query(
        sql=_GROUPS.replace("__WHERE__", within("n.id"))
        + " ORDER BY CASE WHEN {ascending} THEN min(m.id) END ASC, "
        "CASE WHEN NOT {ascending} THEN max(m.id) END DESC LIMIT {count}",
        load=rows(GroupRow),
    )
    async def page(
        self,
        viewer: int,
        kinds: Sequence[str] | None,
        grouped: Sequence[str],
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[GroupRow]: ...

    @query(
        sql=_GROUPS.replace("__WHERE__", "n.id = ANY({ids}::bigint[])"),
        load=maybe_row(GroupRow),
    )
    async def of(
        self,
        viewer: int,
        ids: Sequence[int],
        kinds: Sequence[str] | None,
        grouped: Sequence[str],
        ascending: bool = False,
    ) -> GroupRow | None: ...

    @query(
        sql="SELECT n.id FROM notifications n WHERE n.account_id = {viewer} AND NOT n.filtered "
        f"AND n.post_id = {{post_id}} AND n.kind = {{kind}} ORDER BY n.id DESC LIMIT {GROUPED_MOST}",
        load=rows(int),
    )
    async def about(self, viewer: int, kind: str, post_id: int) -> list[int]:
        """Return the newest notifications of a group about a post."""

    @query(
        sql="SELECT n.id FROM notifications n WHERE n.account_id = {viewer} AND NOT n.filtered AND n.kind = 'follow' "
        "AND n.created_at >= {day}::date::timestamp AT TIME ZONE 'UTC' "
        "AND n.created_at < ({day}::date + 1)::timestamp AT TIME ZONE 'UTC' "
        f"ORDER BY n.created_at DESC LIMIT {GROUPED_MOST}",
        load=rows(int),
    )
    async def followers_of(self, viewer: int, day: date) -> list[int]:
        """Return the newest notifications of the group of follows on a day in UTC."""

    @query(
        sql="DELETE FROM notifications WHERE account_id = {viewer} AND id = ANY({ids}::bigint[]) RETURNING id",
        load=rows(int),
    )
    async def dismiss(self, viewer: int, ids: Sequence[int]) -> list[int]: ...

    # ------------------------------------------------------------------------------------ policy and requests

    @query(
        sql=f"""SELECT coalesce((SELECT ARRAY[y.for_not_following, y.for_not_followers, y.for_new_accounts,
                y.for_private_mentions, y.for_limited_accounts]
                FROM notification_policies y WHERE y.account_id = {{account_id}}),
                ARRAY['accept', 'accept', 'accept', 'accept', 'accept']), w.people, w.count
        FROM (SELECT count(DISTINCT m.actor_id) AS people, count(*) AS count FROM (
            SELECT n.actor_id FROM {_waiting("{account_id}")} WHERE {notification_reaches()}) m) w""",
        load=maybe_row(_policy),
    )
    async def policy(self, account_id: int) -> NotificationPolicy | None: ...

    @statement(
        sql="""INSERT INTO notification_policies
            (account_id, for_not_following, for_not_followers, for_new_accounts, for_private_mentions,
            for_limited_accounts)
        VALUES ({account_id}, {not_following}, {not_followers}, {new_accounts}, {private_mentions},
            {limited_accounts})
        ON CONFLICT (account_id) DO UPDATE SET for_not_following = excluded.for_not_following,
            for_not_followers = excluded.for_not_followers, for_new_accounts = excluded.for_new_accounts,
            for_private_mentions = excluded.for_private_mentions,
            for_limited_accounts = excluded.for_limited_accounts"""
    )
    async def set_policy(
        self,
        account_id: int,
        not_following: str,
        not_followers: str,
        new_accounts: str,
        private_mentions: str,
        limited_accounts: str,
    ) -> None: ...

    @query(
        sql=_requests("") + f" WHERE {within('w.newest_id')} "
        "ORDER BY CASE WHEN {ascending} THEN w.newest_id END ASC, "
        "CASE WHEN NOT {ascending} THEN w.newest_id END DESC LIMIT {count}",
        load=rows(_request),
    )
    async def requests(
        self, viewer: int, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[tuple[int, datetime, datetime, int, int | None, Any]]: ...

    @query(sql=_requests("AND n.actor_id = {actor_id}"), load=maybe_row(_request))
    async def request(
        self, viewer: int, actor_id: int
    ) -> tuple[int, datetime, datetime, int, int | None, Any] | None: ...

    @statement(
        sql="""WITH allowed AS (
            INSERT INTO notification_permissions (account_id, actor_id)
            SELECT {account_id}, id FROM accounts WHERE id = ANY({ids}::bigint[]) ON CONFLICT DO NOTHING
        ), shown AS (
            UPDATE notifications SET filtered = false
            WHERE account_id = {account_id} AND filtered AND actor_id = ANY({ids}::bigint[]) RETURNING post_id
        ), released AS (
            UPDATE mentions SET withheld = false
            WHERE account_id = {account_id} AND withheld AND post_id IN (SELECT post_id FROM shown) RETURNING post_id
        )
        INSERT INTO conversations (account_id, thread_id, latest_id, unread)
        SELECT {account_id}, p.thread_id, max(p.id), true FROM posts p
        WHERE p.id IN (SELECT post_id FROM released) AND p.visibility = 'direct' GROUP BY p.thread_id
        ON CONFLICT (account_id, thread_id) DO UPDATE
        SET latest_id = greatest(conversations.latest_id, excluded.latest_id), unread = true"""
    )
    async def accept(self, account_id: int, ids: Sequence[int]) -> None:
        """Accept the waiting notifications of these accounts, and deliver their withheld direct posts."""

    @statement(
        sql="DELETE FROM notifications WHERE account_id = {account_id} AND filtered AND actor_id = ANY({ids}::bigint[])"
    )
    async def turn_down(self, account_id: int, ids: Sequence[int]) -> None: ...


notification_groups = accessor(NotificationGroupQueries)
