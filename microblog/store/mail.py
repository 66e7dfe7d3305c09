"""Mail in the database: recipients, the notifications to send, and what was sent before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dbxs import query, statement

from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import maybe_row, row, rows, scalar
from microblog.store.relations import NOTIFICATION_SHOWN, NOTIFICATION_UNREAD, reads_present


@dataclass(frozen=True, slots=True)
class Recipient:
    """A local account, and the history of mail to its present email address."""

    account_id: int
    name: str
    display_name: str
    state: str
    email: str = field(repr=False)
    confirmed: bool
    language: str | None
    mail_mentions: bool
    mail_replies: bool
    mail_follows: bool
    mail_boosts: bool
    mail_favourites: bool
    notified_ago: float | None  #: seconds since the last mail about notifications
    unconfirmed_count: int  #: mails about notifications while the email address was unconfirmed
    bounces: int  #: consecutive refusals
    hour_count: int  #: mails within the last hour
    hour_left: float  #: seconds until that hour is over
    taken: bool = False  #: another account has confirmed the email address
    warned_ago: float | None = None  #: seconds since the last warning that another account entered it


@dataclass(frozen=True, slots=True)
class PostNews:
    """The part of a notification's post that a mail shows."""

    id: int
    author_name: str
    text: str
    summary: str
    sensitive: bool
    thread_id: int


@dataclass(frozen=True, slots=True)
class News:
    """A notification that no mail has contained yet."""

    id: int
    kind: str
    age: float  #: seconds
    actor_name: str  #: with the host for a remote account
    actor_display_name: str
    post: PostNews | None


def _news(
    notification_id: int,
    kind: str,
    age: float,
    actor_name: str,
    actor_domain: str | None,
    actor_display_name: str,
    post_id: int | None,
    author_name: str,
    author_domain: str | None,
    text: str,
    summary: str,
    sensitive: bool,
    thread_id: int,
) -> News:
    def address(name: str, domain: str | None) -> str:
        return name if domain is None else f"{name}@{domain}"

    post = None
    if post_id is not None:
        post = PostNews(post_id, address(author_name, author_domain), text, summary, sensitive, thread_id)
    return News(notification_id, kind, age, address(actor_name, actor_domain), actor_display_name, post)


class MailQueries(Protocol):
    @query(
        sql="""
        SELECT a.id, a.name, a.display_name, a.state, u.email, u.email_confirmed_at IS NOT NULL, u.language,
            u.mail_mentions, u.mail_replies, u.mail_follows, u.mail_boosts, u.mail_favourites,
            extract(epoch FROM clock_timestamp() - s.notified_at)::float8,
            coalesce(s.unconfirmed_count, 0), coalesce(s.bounces, 0),
            CASE WHEN s.hour_began > clock_timestamp() - interval '1 hour' THEN s.hour_count ELSE 0 END,
            coalesce(extract(epoch FROM s.hour_began + interval '1 hour' - clock_timestamp()), 0)::float8,
            u.email_confirmed_at IS NULL AND EXISTS (SELECT FROM users o
                WHERE lower(o.email) = lower(u.email) AND o.email_confirmed_at IS NOT NULL),
            extract(epoch FROM clock_timestamp() - s.warned_at)::float8
        FROM users u JOIN accounts a ON a.id = u.account_id
        LEFT JOIN mail_states s ON s.account_id = u.account_id AND s.email = u.email
        WHERE u.account_id = {account_id}
        """,
        load=maybe_row(Recipient),
    )
    async def recipient(self, account_id: int) -> Recipient | None: ...

    @query(
        sql="SELECT account_id FROM users WHERE lower(email) = lower({email}) AND email_confirmed_at IS NOT NULL",
        load=scalar,
    )
    async def owner(self, email: str) -> int | None:
        """Return the account that confirmed the email address."""

    @query(
        sql="""
        SELECT n.id, n.kind, extract(epoch FROM clock_timestamp() - n.created_at)::float8,
            b.name, b.domain, b.display_name,
            p.id, a.name, a.domain, p.text, p.summary, p.sensitive, p.thread_id
        FROM notifications n
        JOIN users u ON u.account_id = n.account_id
        JOIN accounts b ON b.id = n.actor_id
        LEFT JOIN posts p ON p.id = n.post_id
        LEFT JOIN accounts a ON a.id = p.author_id
        WHERE n.account_id = {account_id} AND n.mailed_at IS NULL AND n.kind = ANY({kinds}::text[])
            AND n.created_at > clock_timestamp() - interval '2 days' AND """
        f"{NOTIFICATION_UNREAD} AND {NOTIFICATION_SHOWN} AND (n.post_id IS NULL OR {reads_present('n.account_id')})"
        """
            AND (n.kind NOT IN ('follow', 'follow_request') OR EXISTS (SELECT FROM follows f
                WHERE f.follower_id = n.actor_id AND f.followee_id = n.account_id
                    AND f.accepted = (n.kind = 'follow')))
        ORDER BY n.id LIMIT {limit}
        """,
        load=rows(_news),
    )
    async def news(self, account_id: int, kinds: Sequence[str], limit: int) -> list[News]:
        """Return unread notifications of these kinds that the recipient may see and no mail contained, oldest first."""

    @statement(
        sql="UPDATE notifications SET mailed_at = clock_timestamp() "
        "WHERE id = ANY({ids}::bigint[]) AND mailed_at IS NULL"
    )
    async def mark_mailed(self, ids: Sequence[int]) -> None: ...

    @statement(
        sql="""
        INSERT INTO mail_states AS s (account_id, email, notified_at, unconfirmed_count, hour_count)
        SELECT u.account_id, u.email, CASE WHEN {news}::boolean THEN clock_timestamp() END,
            ({news}::boolean AND u.email_confirmed_at IS NULL)::integer, 1
        FROM users u WHERE u.account_id = {account_id} AND u.email = {email}
        ON CONFLICT (account_id) DO UPDATE SET
            email = excluded.email, bounces = 0,
            notified_at = coalesce(excluded.notified_at, s.notified_at),
            unconfirmed_count = excluded.unconfirmed_count
                + CASE WHEN s.email = excluded.email THEN s.unconfirmed_count ELSE 0 END,
            hour_count = 1 + CASE WHEN s.email = excluded.email
                AND s.hour_began > clock_timestamp() - interval '1 hour' THEN s.hour_count ELSE 0 END,
            hour_began = CASE WHEN s.email = excluded.email
                AND s.hour_began > clock_timestamp() - interval '1 hour' THEN s.hour_began ELSE clock_timestamp() END
        """
    )
    async def count_sent(self, account_id: int, email: str, news: bool) -> None:
        """Count an accepted mail to the email address. ``news``: it was about notifications."""

    @statement(
        sql="""
        INSERT INTO mail_states AS s (account_id, email, bounces)
        SELECT u.account_id, u.email, 1 FROM users u WHERE u.account_id = {account_id} AND u.email = {email}
        ON CONFLICT (account_id) DO UPDATE SET
            bounces = 1 + CASE WHEN s.email = excluded.email THEN s.bounces ELSE 0 END,
            unconfirmed_count = CASE WHEN s.email = excluded.email THEN s.unconfirmed_count ELSE 0 END,
            email = excluded.email
        """
    )
    async def count_bounce(self, account_id: int, email: str) -> None:
        """Count a permanent refusal of the email address by the mail server."""

    @statement(sql="UPDATE mail_states SET warned_at = clock_timestamp() WHERE account_id = {account_id}")
    async def mark_warned(self, account_id: int) -> None:
        """Record a warning. Call `count_sent` first, which makes the row."""

    @query(
        sql="""
        UPDATE users SET
            mail_mentions = mail_mentions AND {what} NOT IN ('all', 'mentions'),
            mail_replies = mail_replies AND {what} NOT IN ('all', 'replies'),
            mail_follows = mail_follows AND {what} NOT IN ('all', 'follows'),
            mail_boosts = mail_boosts AND {what} NOT IN ('all', 'boosts'),
            mail_favourites = mail_favourites AND {what} NOT IN ('all', 'favourites')
        WHERE account_id = {account_id} RETURNING account_id
        """,
        load=maybe_row(int),
    )
    async def switch_off(self, account_id: int, what: str) -> int | None: ...

    @query(sql="SELECT secret FROM site_secrets WHERE name = {name}", load=scalar)
    async def secret(self, name: str) -> Any: ...

    @query(
        sql="""
        INSERT INTO site_secrets (name, secret) VALUES ({name}, {secret}::bytea)
        ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING secret
        """,
        load=row(bytes),
    )
    async def insert_secret(self, name: str, secret: bytes) -> bytes:
        """Store a secret under a name and return it, or the secret that another process stored first."""


mail = accessor(MailQueries)
