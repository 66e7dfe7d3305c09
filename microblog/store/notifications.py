"""Notifications in the database.

Written by one statement a cause, for all whom it concerns: the rows, an event for each, and a mail job where the
recipient wants mail of that kind.  Nobody is told by somebody whom they block or mute (or who blocks them),
and nobody twice of the same thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from dbxs import query, statement

from microblog.domain.events import Notification, NotificationKind
from microblog.store.access import accessor
from microblog.store.accounts import ACCOUNT_WIDTH, account_columns, account_from
from microblog.store.database import maybe_row, rows, scalar
from microblog.store.paging import in_order, within
from microblog.store.posts import POST_COLUMNS, post_from
from microblog.store.visibility import VISIBLE

_KINDS: Final = {kind.value: kind for kind in NotificationKind}
_AFTER_ACTOR: Final = 5 + ACCOUNT_WIDTH

#: ``n`` the notification, ``u`` its recipient, ``b`` who did it, ``p`` the post with its author ``a``.
_COLUMNS: Final = (
    "n.id, n.account_id, n.kind, n.created_at, n.id <= u.notifications_read_id, "
    f"{account_columns('b')}, {POST_COLUMNS}"
)
_TABLES: Final = (
    "notifications n JOIN users u ON u.account_id = n.account_id JOIN accounts b ON b.id = n.actor_id "
    "LEFT JOIN posts p ON p.id = n.post_id LEFT JOIN accounts a ON a.id = p.author_id"
)
#: Somebody who signs up is not active yet; everybody else who is not has no say.
_WANTED: Final = f"""NOT n.filtered AND (b.state = 'active' OR n.kind = 'sign_up') AND (n.post_id IS NULL OR {VISIBLE})
    AND NOT EXISTS (SELECT FROM blocks k WHERE k.account_id = n.account_id AND k.target_id = n.actor_id)
    AND NOT EXISTS (
        SELECT FROM mutes m WHERE m.account_id = n.account_id AND m.target_id = n.actor_id AND m.notifications
          AND (m.expires_at IS NULL OR m.expires_at > clock_timestamp()))"""

#: For listings beside this one: the tables, and which of the notifications their recipient wants to see.
NOTIFICATION_TABLES: Final = _TABLES
WANTED: Final = _WANTED

# The rules of a policy, each with whom it is about: ``a`` the recipient, ``t`` the post, ``y`` the policy, ``w`` the
# notification.
_FOLLOWED: Final = (
    "EXISTS (SELECT FROM follows f WHERE f.follower_id = a.id AND f.followee_id = {actor_id}::bigint)"
)
_RULES: Final = {
    "for_not_following": f"NOT {_FOLLOWED}",
    "for_not_followers": "NOT EXISTS (SELECT FROM follows f "
    "WHERE f.follower_id = {actor_id}::bigint AND f.followee_id = a.id AND f.accepted)",
    "for_new_accounts": f"NOT {_FOLLOWED} AND EXISTS (SELECT FROM accounts w "
    "WHERE w.id = {actor_id}::bigint AND w.created_at > clock_timestamp() - interval '30 days')",
    "for_private_mentions": f"t.visibility = 'direct' AND NOT {_FOLLOWED} "
    "AND t.reply_to_account_id IS DISTINCT FROM a.id",
}


def _judged(verdict: str) -> str:
    """That the recipient's policy says ``verdict`` (filter, drop) of it. What one asked for oneself is no subject."""
    rules = " OR ".join(f"(y.{name} = '{verdict}' AND {about})" for name, about in _RULES.items())
    return (
        "(y.account_id IS NOT NULL AND w.kind NOT IN ('follow_request', 'edit', 'post', 'sign_up') "
        f"AND ({rules}) AND NOT EXISTS (SELECT FROM notification_permissions g "
        "WHERE g.account_id = a.id AND g.actor_id = {actor_id}::bigint))"
    )


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
        + _judged("filter")
        + """
            FROM unnest({recipient_ids}::bigint[], {kinds}::text[]) AS w (recipient_id, kind)
            JOIN accounts a ON a.id = w.recipient_id JOIN users u ON u.account_id = a.id
            LEFT JOIN posts t ON t.id = {post_id}::bigint
            LEFT JOIN notification_policies y ON y.account_id = a.id
            WHERE a.id <> {actor_id}::bigint AND a.state = 'active'
              AND NOT EXISTS (
                SELECT FROM blocks k WHERE (k.account_id = a.id AND k.target_id = {actor_id}::bigint)
                    OR (k.account_id = {actor_id}::bigint AND k.target_id = a.id))
              AND NOT EXISTS (
                SELECT FROM mutes m WHERE m.account_id = a.id AND m.target_id = {actor_id}::bigint
                    AND m.notifications AND (m.expires_at IS NULL OR m.expires_at > clock_timestamp()))
              AND NOT EXISTS (
                SELECT FROM thread_mutes x WHERE x.account_id = a.id AND x.thread_id = t.thread_id)
              AND NOT """
        + _judged("drop")
        + """
            ORDER BY a.id
            ON CONFLICT DO NOTHING RETURNING id, account_id, kind, filtered
        ), told AS (
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
        """Notify each recipient by the kind at the same place, and return who was notified.

        One statement for all that one cause notifies of: it puts the mail jobs in the order of their keys, which
        several statements of a transaction would not (`locks`).

        A mail is made ``delay`` seconds from now, so that a burst becomes one (see ``jobs.py``)."""
        ...

    @query(
        sql=f"SELECT {_COLUMNS} FROM {_TABLES} WHERE n.account_id = {{viewer}} AND {_WANTED} "
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
        """Of these kinds alone, where there are any; of what this one did alone, where there is one."""
        ...

    @query(
        sql=f"SELECT {_COLUMNS} FROM {_TABLES} WHERE n.account_id = {{viewer}} AND {_WANTED} "
        "AND n.id = {notification_id}",
        load=maybe_row(_notification),
    )
    async def one(self, viewer: int, notification_id: int) -> Notification | None: ...

    @query(
        sql=f"""SELECT count(*) FROM (SELECT FROM {_TABLES}
        WHERE n.account_id = {{viewer}} AND n.id > u.notifications_read_id AND {_WANTED}
          AND ({{kinds}}::text[] IS NULL OR n.kind = ANY({{kinds}}::text[])) LIMIT {{limit}}) unread""",
        load=scalar,
    )
    async def unread(self, viewer: int, kinds: Sequence[str] | None, limit: int) -> int: ...

    @query(
        sql="DELETE FROM notifications WHERE account_id = {account_id} AND id = {notification_id} RETURNING id",
        load=scalar,
    )
    async def dismiss(self, account_id: int, notification_id: int) -> int | None: ...

    @statement(sql="DELETE FROM notifications WHERE account_id = {account_id}")
    async def clear(self, account_id: int) -> None: ...

    @query(
        sql=f"SELECT {_COLUMNS} FROM {_TABLES} WHERE n.id = ANY({{ids}}::bigint[]) AND {_WANTED}".replace(
            "{viewer}", "n.account_id"
        ),
        load=rows(_notification),
    )
    async def by_ids(self, ids: Sequence[int]) -> list[Notification]:
        """Each as its recipient sees it; those that they don't want to see any more are left out."""
        ...

    @query(
        sql="""UPDATE users u SET notifications_read_id = greatest(u.notifications_read_id, newest.id)
        FROM (SELECT id FROM notifications WHERE account_id = {account_id}
              AND ({up_to}::bigint IS NULL OR id <= {up_to}) ORDER BY id DESC LIMIT 1) newest
        WHERE u.account_id = {account_id} RETURNING u.notifications_read_id""",
        load=scalar,
    )
    async def mark_read(self, account_id: int, up_to: int | None) -> int | None:
        """All up to this one, or all there are, are read; never fewer than before."""
        ...

    @statement(
        sql="DELETE FROM notifications WHERE account_id = {account_id} AND actor_id = {actor_id} AND kind = {kind}"
    )
    async def withdraw(self, account_id: int, actor_id: int, kind: str) -> None: ...

    @statement(
        sql="""DELETE FROM notifications WHERE (account_id = {one} AND actor_id = {other})
            OR (account_id = {other} AND actor_id = {one})"""
    )
    async def forget(self, one: int, other: int) -> None:
        """All between two people."""
        ...


notifications = accessor(NotificationQueries)
