"""Sessions in the database, and the viewer that a session or a token stands for.

One query returns the viewer: the session, its account and user, and the number of unread notifications. It counts at
most 100, so that the query stays cheap after a long absence.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Protocol

from dbxs import query, statement

from microblog.domain.accounts import Role, Session, Viewer, usable_role
from microblog.domain.visibility import Visibility
from microblog.store.accounts import ACCOUNT_COLUMNS, ACCOUNT_WIDTH, account_from
from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.loaders import maybe_row, rows, scalar
from microblog.store.relations import NOTIFICATION_SHOWN, NOTIFICATION_UNREAD

#: The columns of a viewer, from the aliases ``a`` (accounts) and ``u`` (users).
VIEWER_COLUMNS: Final = f"""{ACCOUNT_COLUMNS}, u.role, u.language, u.default_visibility, u.default_sensitive,
    (SELECT count(*) FROM (
        SELECT FROM notifications n JOIN accounts b ON b.id = n.actor_id
        LEFT JOIN posts p ON p.id = n.post_id LEFT JOIN accounts a ON a.id = p.author_id
        WHERE n.account_id = u.account_id AND {NOTIFICATION_UNREAD} AND {NOTIFICATION_SHOWN}
        LIMIT 100) unread),
    u.shortcuts, CASE WHEN u.role = 'user' THEN 0 ELSE
        (SELECT count(*) FROM (SELECT FROM accounts w WHERE w.state = 'pending' LIMIT 100) waiting) END"""
VIEWER_WIDTH: Final = ACCOUNT_WIDTH + 7

_ROLES: Final = {role.value: role for role in Role}
_VISIBILITIES: Final = {visibility.value: visibility for visibility in Visibility}


def viewer_from(
    columns: tuple[Any, ...],
    session_id: int | None = None,
    token_id: int | None = None,
    scopes: frozenset[str] | None = None,
    until: datetime | None = None,
) -> Viewer:
    """Return the viewer in the first :data:`VIEWER_WIDTH` columns. ``token_id`` is set for a viewer by token."""
    role, language, visibility, sensitive, unread, shortcuts, approvals = columns[ACCOUNT_WIDTH:VIEWER_WIDTH]
    extra: dict[str, Any] = {} if scopes is None else {"scopes": scopes}
    return Viewer(
        account=account_from(columns),
        role=usable_role(_ROLES[role], by_token=token_id is not None),
        session_id=session_id,
        token_id=token_id,
        unread=unread,
        language=language,
        default_visibility=_VISIBILITIES[visibility],
        default_sensitive=sensitive,
        shortcuts=shortcuts,
        approvals=approvals,
        until=until,
        **extra,
    )


def _viewer(*columns: Any) -> tuple[Viewer, bool]:
    session_id, stale = columns[VIEWER_WIDTH:]
    return viewer_from(columns, session_id=session_id), stale


def _plain_viewer(*columns: Any) -> Viewer:
    return viewer_from(columns)


class SessionQueries(Protocol):
    @query(
        sql="INSERT INTO sessions (token_hash, account_id, created_at, seen_at, address, user_agent) "
        "VALUES ({token_hash}, {account_id}, {now}, {now}, {address}, {user_agent}) RETURNING id",
        load=scalar,
    )
    async def insert(
        self, token_hash: bytes, account_id: int, now: datetime, address: str, user_agent: str
    ) -> int: ...

    @prepared("bytea", "timestamptz", "timestamptz")
    @query(
        sql=f"""SELECT {VIEWER_COLUMNS}, s.id, s.seen_at < {{stale}}
        FROM sessions s JOIN accounts a ON a.id = s.account_id JOIN users u ON u.account_id = a.id
        WHERE s.token_hash = {{token_hash}} AND s.seen_at > {{idle_since}} AND a.state = 'active'""",
        load=maybe_row(_viewer),
    )
    async def viewer(
        self, token_hash: bytes, stale: datetime, idle_since: datetime
    ) -> tuple[Viewer, bool] | None:
        """Return the viewer of a session, and whether the session was last marked as used before ``stale``."""

    @query(
        sql=f"SELECT {VIEWER_COLUMNS} FROM accounts a JOIN users u ON u.account_id = a.id "
        "WHERE a.id = {account_id} AND a.state = 'active'",
        load=maybe_row(_plain_viewer),
    )
    async def viewer_of(self, account_id: int) -> Viewer | None: ...

    @statement(sql="UPDATE sessions SET seen_at = {now} WHERE id = {session_id} AND seen_at < {now}")
    async def touch(self, session_id: int, now: datetime) -> None: ...

    @query(
        sql="UPDATE sessions SET token_hash = {token_hash} "
        "WHERE id = {session_id} AND account_id = {account_id} RETURNING id",
        load=scalar,
    )
    async def renew(self, account_id: int, session_id: int, token_hash: bytes) -> int | None:
        """Replace the token of a session. The old token is void."""

    @query(
        sql="SELECT id, created_at, seen_at, address, user_agent FROM sessions "
        "WHERE account_id = {account_id} AND seen_at > {idle_since} ORDER BY seen_at DESC, id DESC LIMIT 200",
        load=rows(Session),
    )
    async def of(self, account_id: int, idle_since: datetime) -> list[Session]:
        """Return the sessions of an account, last used first."""

    @query(
        sql="""WITH ended AS (
            DELETE FROM sessions WHERE account_id = {account_id} AND id = {session_id} RETURNING id
        ), event AS (
            INSERT INTO outbox (kind, account_id, detail)
            SELECT 'revoked', {account_id}, jsonb_build_object('session', id) FROM ended
        ) SELECT id FROM ended""",
        load=scalar,
    )
    async def end(self, account_id: int, session_id: int) -> int | None:
        """End a session and write its event. Return None if it does not exist."""

    @statement(
        sql="""WITH ended AS (
            DELETE FROM sessions WHERE account_id = {account_id} AND id IS DISTINCT FROM {keep}::bigint RETURNING id
        )
        INSERT INTO outbox (kind, account_id, detail)
        SELECT 'revoked', {account_id}, jsonb_build_object('session', id) FROM ended"""
    )
    async def end_all(self, account_id: int, keep: int | None) -> None:
        """End all sessions except ``keep``, and write an event for each."""


sessions = accessor(SessionQueries)
