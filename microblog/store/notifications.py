"""Notifications in the database.

One statement for each cause writes the notifications of all recipients, an event for each, and a mail job where the
recipient wants mail of that kind. A recipient who mutes or blocks the actor, or whom the actor blocks, gets none, and
no recipient gets two of the same cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from dbxs import query, statement

from microblog.domain.events import Notification, NotificationKind
from microblog.store.accounts import ACCOUNT_WIDTH, account_columns, account_from
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import maybe_row, rows, scalar
from microblog.store.engine.paging import in_order, within
from microblog.store.posts.columns import POST_COLUMNS, post_from
from microblog.store.relations import (
    NOTIFICATION_READ,
    NOTIFICATION_SHOWN,
    NOTIFICATION_UNREAD,
    may_notify,
    policy_says,
)

#: How often a day the same act notifies the same recipient when it is taken back and repeated.
MOST_OFTEN: Final = 3

_KINDS: Final = {kind.value: kind for kind in NotificationKind}
_AFTER_ACTOR: Final = 5 + ACCOUNT_WIDTH

#: ``n`` the notification, ``u`` its recipient, ``b`` the actor, ``p`` the post with its author ``a``.
_COLUMNS: Final = (
    f"n.id, n.account_id, n.kind, n.created_at, {NOTIFICATION_READ}, {account_columns('b')}, {POST_COLUMNS}"
)
NOTIFICATION_TABLES: Final = (
    "notifications n JOIN users u ON u.account_id = n.account_id JOIN accounts b ON b.id = n.actor_id "
    "LEFT JOIN posts p ON p.id = n.post_id LEFT JOIN accounts a ON a.id = p.author_id"
)
#: Notifications that the account asked for or that moderators need. No notification policy applies to them.
_ASKED_FOR: Final = "w.kind IN ('follow_request', 'edit', 'post', 'sign_up')"


def _notification(*columns: Any) -> Notification:
    return Notification(
        id=columns[0],
        recipient_id=columns[1],
        kind=_KINDS[columns[2]],
        actor=account_from(columns[5:_AFTER_ACTOR]),
        created_at=columns[3],
        post=None if columns[_AFTER_ACTOR] is None else post_from(columns[_AFTER_ACTOR:]),
        read=columns[4],
    )


class NotificationQueries(Protocol):
    @query(
        sql="""WITH made AS (
            INSERT INTO notifications (account_id, kind, actor_id, post_id, filtered)
            SELECT a.id, w.kind, {actor_id}::bigint, {post_id}::bigint, """
        f"NOT {_ASKED_FOR} AND {policy_says('filter')}"
        """
            FROM unnest({recipient_ids}::bigint[], {kinds}::text[]) AS w (recipient_id, kind)
            JOIN accounts a ON a.id = w.recipient_id JOIN users u ON u.account_id = a.id
            LEFT JOIN posts t ON t.id = {post_id}::bigint
            LEFT JOIN notification_policies y ON y.account_id = a.id
            WHERE a.id <> {actor_id}::bigint AND a.state = 'active'
              AND """
        + may_notify("a.id", "{actor_id}::bigint")
        + """
              AND NOT EXISTS (
                SELECT FROM thread_mutes x WHERE x.account_id = a.id AND x.thread_id = t.thread_id)
              AND NOT EXISTS (
                SELECT FROM withdrawn_notifications r WHERE r.account_id = a.id AND r.kind = w.kind
                    AND r.actor_id = {actor_id}::bigint AND r.post_id = coalesce({post_id}::bigint, 0)
                    AND r.times >= """
        + str(MOST_OFTEN)
        + """ AND r.began_at > clock_timestamp() - interval '1 day')
              AND NOT """
        + f"(NOT {_ASKED_FOR} AND {policy_says('drop')})"
        + """
            ORDER BY a.id
            ON CONFLICT DO NOTHING RETURNING id, account_id, kind, filtered
        ), event AS (
            INSERT INTO outbox (kind, account_id, recipient_id, post_id, detail)
            SELECT 'notification', {actor_id}::bigint, account_id, {post_id}::bigint,
                jsonb_build_object('notification', id) FROM made WHERE NOT filtered
        ), mailed AS (
            INSERT INTO jobs (kind, payload, key, run_at)
            SELECT 'mail.notifications', jsonb_build_object('account', u.account_id), 'mail:' || u.account_id,
                clock_timestamp() + make_interval(secs => {delay})
            FROM made JOIN users u ON u.account_id = made.account_id
            WHERE NOT made.filtered AND CASE made.kind
                WHEN 'mention' THEN u.mail_mentions WHEN 'reply' THEN u.mail_replies
                WHEN 'follow' THEN u.mail_follows WHEN 'follow_request' THEN u.mail_follows
                WHEN 'boost' THEN u.mail_boosts WHEN 'favourite' THEN u.mail_favourites ELSE false END
            ORDER BY u.account_id
            ON CONFLICT (key) DO UPDATE SET again_at = least(jobs.again_at, excluded.run_at)
                WHERE jobs.lease IS NOT NULL
        )
        SELECT account_id FROM made WHERE NOT filtered""",
        load=rows(int),
    )
    async def put(
        self,
        recipient_ids: Sequence[int],
        kinds: Sequence[str],
        actor_id: int,
        post_id: int | None,
        delay: float,
    ) -> list[int]:
        """Notify each recipient of the kind at the same index, and return the recipients that were notified.

        One statement writes everything of one cause, so that it puts the mail jobs in the order of their keys, which
        several statements would not (`locks`). The mail is due in ``delay`` seconds, so that a burst becomes one mail
        (`jobs`).
        """

    @query(
        sql=f"SELECT {_COLUMNS} FROM {NOTIFICATION_TABLES} WHERE n.account_id = {{viewer}} AND {NOTIFICATION_SHOWN} "
        "AND ({kinds}::text[] IS NULL OR n.kind = ANY({kinds}::text[])) "
        "AND ({actor_id}::bigint IS NULL OR n.actor_id = {actor_id}::bigint) "
        f"AND {within('n.id')} {in_order('n.id')}",
        load=rows(_notification),
    )
    async def page(
        self,
        viewer: int,
        kinds: Sequence[str] | None,
        actor_id: int | None,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[Notification]:
        """Return notifications, limited to ``kinds`` if it has any, and to one actor if given."""

    @query(
        sql=f"SELECT {_COLUMNS} FROM {NOTIFICATION_TABLES} WHERE n.account_id = {{viewer}} AND {NOTIFICATION_SHOWN} "
        "AND (n.id = {notification_id} OR n.number = {notification_id})",
        load=maybe_row(_notification),
    )
    async def one(self, viewer: int, notification_id: int) -> Notification | None:
        """Return a notification by its id or its number."""

    @query(
        sql="SELECT id FROM notifications WHERE account_id = {account_id} AND number = {number}", load=scalar
    )
    async def numbered(self, account_id: int, number: int) -> int | None: ...

    @query(
        sql=f"""SELECT count(*) FROM (SELECT FROM {NOTIFICATION_TABLES}
        WHERE n.account_id = {{viewer}} AND {NOTIFICATION_UNREAD} AND {NOTIFICATION_SHOWN}
          AND ({{kinds}}::text[] IS NULL OR n.kind = ANY({{kinds}}::text[])) LIMIT {{limit}}) unread""",
        load=scalar,
    )
    async def unread(self, viewer: int, kinds: Sequence[str] | None, limit: int) -> int: ...

    @query(
        sql="DELETE FROM notifications WHERE account_id = {account_id} "
        "AND (id = {notification_id} OR number = {notification_id}) RETURNING id",
        load=scalar,
    )
    async def dismiss(self, account_id: int, notification_id: int) -> int | None: ...

    @query(
        sql="WITH gone AS (DELETE FROM notifications WHERE id = ANY (ARRAY(SELECT id FROM notifications "
        "WHERE account_id = {account_id} ORDER BY id DESC LIMIT {limit})) RETURNING 1) SELECT count(*) FROM gone",
        load=scalar,
    )
    async def clear(self, account_id: int, limit: int) -> int:
        """Delete the newest notifications of an account and return their number."""

    @query(
        sql=(
            f"SELECT {_COLUMNS} FROM {NOTIFICATION_TABLES} "
            f"WHERE n.id = ANY({{ids}}::bigint[]) AND {NOTIFICATION_SHOWN}"
        ).replace("{viewer}", "n.account_id"),
        load=rows(_notification),
    )
    async def by_ids(self, ids: Sequence[int]) -> list[Notification]:
        """Return notifications as their recipients see them, without those that they no longer want to see."""

    @query(
        sql="""UPDATE users u SET notifications_read_id = newest.id,
            notifications_read_snapshot = coalesce({as_of}::pg_snapshot, pg_current_snapshot())
        FROM (SELECT id FROM notifications WHERE account_id = {account_id}
              AND ({up_to}::bigint IS NULL OR id <= {up_to}) ORDER BY id DESC LIMIT 1) newest
        WHERE u.account_id = {account_id} AND newest.id >= u.notifications_read_id
        RETURNING u.notifications_read_id""",
        load=scalar,
    )
    async def mark_read(self, account_id: int, up_to: int | None, as_of: str | None) -> int | None:
        """Mark the notifications up to an id, or all, as read. The read position never goes back.

        The position is an id and a snapshot, because ids become visible in another order than they are assigned. A
        notification that was not committed in the snapshot ``as_of`` (None: now) stays unread.
        """

    @statement(
        sql="""WITH gone AS (
            DELETE FROM notifications WHERE account_id = {account_id} AND kind = {kind} AND actor_id = {actor_id}
                AND coalesce(post_id, 0) = coalesce({post_id}::bigint, 0)
            RETURNING account_id, kind, actor_id, coalesce(post_id, 0) AS post_id
        )
        INSERT INTO withdrawn_notifications AS w (account_id, kind, actor_id, post_id)
        SELECT account_id, kind, actor_id, post_id FROM gone
        ON CONFLICT (account_id, kind, actor_id, post_id) DO UPDATE SET
            times = CASE WHEN w.began_at < clock_timestamp() - interval '1 day' THEN 1 ELSE w.times + 1 END,
            began_at = CASE WHEN w.began_at < clock_timestamp() - interval '1 day' THEN clock_timestamp()
                ELSE w.began_at END"""
    )
    async def withdraw(self, account_id: int, actor_id: int, kind: str, post_id: int | None) -> None:
        """Delete a notification whose act was taken back, and count it against repetitions (`put`)."""

    @statement(
        sql="""DELETE FROM notifications WHERE (account_id = {one} AND actor_id = {other})
            OR (account_id = {other} AND actor_id = {one})"""
    )
    async def forget(self, one: int, other: int) -> None:
        """Delete all notifications between two accounts."""


notifications = accessor(NotificationQueries)
