"""Users in the database: the private side of an account, and the links sent to it by mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from dbxs import query, statement

from microblog.domain.accounts import Account, Role, User
from microblog.domain.visibility import Visibility
from microblog.store.accounts import ACCOUNT_COLUMNS, ACCOUNT_WIDTH, account_from
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import maybe_row, row, rows, scalar
from microblog.store.engine.paging import span_of

USER_COLUMNS: Final = (
    "u.account_id, u.email, u.email_confirmed_at, u.password_hash, u.role, u.language, u.default_visibility, "
    "u.default_sensitive, u.mail_mentions, u.mail_replies, u.mail_follows, u.mail_boosts, u.mail_favourites, "
    "u.last_seen_at, u.notifications_read_id, u.email_pending, u.attribution_domains, u.shortcuts"
)

#: Accounts to read for an email address that no account has confirmed.
NAMESAKES: Final = 3


def user(*columns: Any) -> User:
    """Load the columns :data:`USER_COLUMNS`."""
    return User(
        account_id=columns[0],
        email=columns[1],
        email_confirmed_at=columns[2],
        password_hash=columns[3],
        role=Role(columns[4]),
        language=columns[5],
        default_visibility=Visibility(columns[6]),
        default_sensitive=columns[7],
        mail_mentions=columns[8],
        mail_replies=columns[9],
        mail_follows=columns[10],
        mail_boosts=columns[11],
        mail_favourites=columns[12],
        last_seen_at=columns[13],
        notifications_read_id=columns[14],
        email_pending=columns[15],
        attribution_domains=tuple(columns[16]),
        shortcuts=columns[17],
    )


def _person(*columns: Any) -> tuple[Account, User]:
    return account_from(columns), user(*columns[ACCOUNT_WIDTH:])


def _applicant(*columns: Any) -> tuple[Account, str]:
    return account_from(columns), columns[ACCOUNT_WIDTH]


class UserQueries(Protocol):
    @query(sql=f"SELECT {USER_COLUMNS} FROM users u WHERE u.account_id = {{account_id}}", load=row(user))
    async def by_id(self, account_id: int) -> User: ...

    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS}, {USER_COLUMNS} FROM accounts a JOIN users u ON u.account_id = a.id "
        "WHERE a.id = {account_id}",
        load=maybe_row(_person),
    )
    async def person(self, account_id: int) -> tuple[Account, User] | None: ...

    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS}, {USER_COLUMNS} FROM accounts a JOIN users u ON u.account_id = a.id "
        "WHERE lower(a.name) = lower({name}) AND coalesce(a.domain, '') = ''",
        load=maybe_row(_person),
    )
    async def by_name(self, name: str) -> tuple[Account, User] | None: ...

    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS}, {USER_COLUMNS} FROM accounts a JOIN users u ON u.account_id = a.id "
        f"WHERE lower(u.email) = lower({{email}}) ORDER BY u.email_confirmed_at, a.id DESC LIMIT {NAMESAKES}",
        load=rows(_person),
    )
    async def by_email(self, email: str) -> list[tuple[Account, User]]:
        """Return the account that confirmed the email address, then those that have not, newest first."""

    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS}, {USER_COLUMNS} FROM accounts a JOIN users u ON u.account_id = a.id "
        "ORDER BY a.id",
        load=rows(_person),
    )
    async def everyone(self) -> list[tuple[Account, User]]:
        """Return all local accounts, oldest first."""

    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS}, {USER_COLUMNS} FROM accounts a JOIN users u ON u.account_id = a.id "
        "WHERE (lower(a.name) LIKE {prefix} OR ({by_email} AND lower(u.email) LIKE {prefix}))"
        + span_of("a.id"),
        load=rows(_person),
    )
    async def listing(
        self,
        prefix: str,
        by_email: bool,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[tuple[Account, User]]:
        """Return the accounts whose name or email address matches ``prefix``, a LIKE pattern in lower case."""

    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS}, u.sign_up_reason FROM accounts a JOIN users u ON u.account_id = a.id "
        "WHERE a.state = 'pending' ORDER BY a.id",
        load=rows(_applicant),
    )
    async def pending(self) -> list[tuple[Account, str]]:
        """Return the accounts that wait for approval, each with the reason that its owner gave, oldest first."""

    @query(sql="SELECT account_id FROM users WHERE role <> 'user' ORDER BY account_id", load=rows(int))
    async def moderators(self) -> list[int]: ...

    @query(sql="SELECT EXISTS (SELECT FROM users)", load=scalar)
    async def any(self) -> bool: ...

    @query(sql="SELECT count(*) FROM users WHERE account_id <> {account_id}", load=scalar)
    async def others(self, account_id: int) -> int: ...

    @statement(
        sql="""INSERT INTO users (account_id, email, password_hash, role, language, sign_up_reason, invitation_id,
            email_confirmed_at)
        VALUES ({account_id}, {email}, {password_hash}, {role}, {language}, {reason}, {invitation_id},
            {confirmed_at}::timestamptz)"""
    )
    async def insert(
        self,
        account_id: int,
        email: str,
        password_hash: str,
        role: str,
        language: str | None,
        reason: str,
        invitation_id: int | None,
        confirmed_at: datetime | None,
    ) -> None: ...

    @query(
        sql="""UPDATE users u SET language = {language}, default_visibility = {default_visibility},
            default_sensitive = {default_sensitive}, mail_mentions = {mail_mentions}, mail_replies = {mail_replies},
            mail_follows = {mail_follows}, mail_boosts = {mail_boosts}, mail_favourites = {mail_favourites},
            attribution_domains = {attribution_domains}::text[], shortcuts = {shortcuts}
        WHERE u.account_id = {account_id} RETURNING """
        + USER_COLUMNS,
        load=row(user),
    )
    async def update_preferences(
        self,
        account_id: int,
        language: str | None,
        default_visibility: str,
        default_sensitive: bool,
        mail_mentions: bool,
        mail_replies: bool,
        mail_follows: bool,
        mail_boosts: bool,
        mail_favourites: bool,
        attribution_domains: Sequence[str],
        shortcuts: bool,
    ) -> User: ...

    @query(
        sql=f"SELECT {USER_COLUMNS} FROM users u WHERE u.account_id = {{account_id}} FOR UPDATE",
        load=row(user),
    )
    async def lock(self, account_id: int) -> User:
        """Lock a user until the transaction ends and return it. Raises NotFound."""

    @query(
        sql=f"SELECT {USER_COLUMNS} FROM users u WHERE u.account_id = {{account_id}} FOR UPDATE",
        load=maybe_row(user),
    )
    async def lock_existing(self, account_id: int) -> User | None:
        """Lock a user as `lock` does and return it, or None if the account does not exist."""

    @statement(sql="UPDATE users SET password_hash = {password_hash} WHERE account_id = {account_id}")
    async def set_password(self, account_id: int, password_hash: str) -> None: ...

    @statement(
        sql="UPDATE users SET password_hash = {new} WHERE account_id = {account_id} AND password_hash = {old}"
    )
    async def rehash(self, account_id: int, old: str, new: str) -> None:
        """Replace the hash of a password, unless the password was changed meanwhile."""

    @statement(sql="UPDATE users SET role = {role} WHERE account_id = {account_id}")
    async def set_role(self, account_id: int, role: str) -> None: ...

    @statement(sql="UPDATE users SET role = 'admin' WHERE role = 'owner'")
    async def step_down(self) -> None:
        """Make the owner an administrator, so that another account can become the owner."""

    @query(
        sql="""UPDATE users u SET
            email = {email},
            email_pending = CASE WHEN lower(u.email_pending) <> lower({email}) THEN u.email_pending END,
            email_confirmed_at = CASE WHEN lower(u.email) = lower({email})
                THEN coalesce(u.email_confirmed_at, clock_timestamp()) ELSE clock_timestamp() END
        WHERE u.account_id = {account_id} AND lower({email}) IN (lower(u.email), lower(u.email_pending))
            AND NOT EXISTS (SELECT FROM users o WHERE lower(o.email) = lower({email})
                AND o.email_confirmed_at IS NOT NULL AND o.account_id <> u.account_id)
        RETURNING u.account_id""",
        load=scalar,
    )
    async def confirm(self, account_id: int, email: str) -> int | None:
        """Confirm an email address and use it. Return None if it changed or another account confirmed it."""

    @statement(sql="UPDATE users SET email_pending = {email}::text WHERE account_id = {account_id}")
    async def set_pending(self, account_id: int, email: str | None) -> None: ...

    @statement(
        sql="UPDATE users SET last_seen_at = {now} WHERE account_id = {account_id} "
        "AND (last_seen_at IS NULL OR last_seen_at < {now})"
    )
    async def seen(self, account_id: int, now: datetime) -> None: ...

    @query(sql="SELECT pg_advisory_xact_lock(6369113)", load=scalar)
    async def lock_sign_up(self) -> object:
        """Wait for and block other calls until the transaction ends, so that one account becomes the site's first."""


users = accessor(UserQueries)


class EmailTokenQueries(Protocol):
    """Links sent by mail, stored as SHA-256 of their tokens. ``purpose`` is ``reset`` or ``confirm``.

    A row without ``request`` is a request for a link. Its ``token_hash`` is an identifier and not the hash of a token.
    The row of the link refers to it and is deleted with it.
    """

    @statement(
        sql="""INSERT INTO email_tokens (token_hash, account_id, purpose, email, created_at, expires_at, place)
        VALUES ({token_hash}, {account_id}, {purpose}, {email}, {now}, {expires_at}, {place}::text)"""
    )
    async def ask(
        self,
        token_hash: bytes,
        account_id: int,
        purpose: str,
        email: str,
        now: datetime,
        expires_at: datetime,
        place: str | None,
    ) -> None: ...

    @query(
        sql="""INSERT INTO email_tokens (token_hash, request, account_id, purpose, email, created_at, expires_at)
        SELECT {token_hash}, r.token_hash, r.account_id, r.purpose, r.email, r.created_at, r.expires_at
        FROM email_tokens r
        WHERE r.token_hash = {request} AND r.request IS NULL AND r.expires_at > {now} FOR KEY SHARE OF r
        RETURNING account_id""",
        load=scalar,
    )
    async def insert_link(self, token_hash: bytes, request: bytes, now: datetime) -> int | None:
        """Store the link for a request. Return None if the request was withdrawn or has expired."""

    @query(
        sql="SELECT count(*), count(*) FILTER (WHERE place IS NOT DISTINCT FROM {place}::text) FROM email_tokens "
        "WHERE account_id = {account_id} AND purpose = {purpose} AND created_at > {since} AND request IS NULL",
        load=row(lambda everywhere, there: (everywhere, there)),
    )
    async def asked_since(
        self, account_id: int, purpose: str, since: datetime, place: str | None
    ) -> tuple[int, int]:
        """Return how many links were requested, in all and from the network address ``place``."""

    @query(
        sql="SELECT count(*) FROM email_tokens WHERE lower(email) = lower({email}) AND purpose = {purpose} "
        "AND created_at > {since} AND request IS NULL",
        load=scalar,
    )
    async def asked_for_address(self, email: str, purpose: str, since: datetime) -> int:
        """Return how many links to an email address were requested, by all accounts with it."""

    @query(
        sql="SELECT account_id FROM email_tokens "
        "WHERE token_hash = {token_hash} AND purpose = {purpose} AND expires_at > {now}",
        load=scalar,
    )
    async def whose(self, token_hash: bytes, purpose: str, now: datetime) -> int | None: ...

    @query(
        sql="""DELETE FROM email_tokens e USING (
            SELECT coalesce(request, token_hash) AS asked FROM email_tokens
            WHERE token_hash = {token_hash} AND purpose = {purpose} AND expires_at > {now}
        ) link WHERE e.token_hash = link.asked RETURNING e.account_id, e.email""",
        load=maybe_row(lambda account_id, email: (account_id, email)),
    )
    async def use(self, token_hash: bytes, purpose: str, now: datetime) -> tuple[int, str] | None:
        """Use a link: return its account and email address, and delete all links of the same request."""

    @statement(sql="DELETE FROM email_tokens WHERE account_id = {account_id} AND purpose = {purpose}")
    async def void(self, account_id: int, purpose: str) -> None: ...


email_tokens = accessor(EmailTokenQueries)
