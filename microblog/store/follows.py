"""Follows, blocks and mutes in the database.

A transaction that changes a follow locks both accounts first (`accounts.lock`), so that the counters always match the
rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from dbxs import query, statement

from microblog.domain.accounts import Account, Relationship
from microblog.store.accounts import ACCOUNT_COLUMNS, account_at
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import row, rows, scalar
from microblog.store.engine.paging import span_of
from microblog.store.relations import PERSON_LISTED


def _made(accepted: bool, new: bool) -> tuple[bool, bool]:
    return accepted, new


def _mute(target_id: int, expires_at: datetime | None) -> tuple[int, datetime | None]:
    return target_id, expires_at


class FollowQueries(Protocol):
    @query(
        sql="""INSERT INTO follows (follower_id, followee_id, accepted, show_boosts, notify)
        VALUES ({follower_id}, {followee_id}, {accepted}, {show_boosts}, {notify})
        ON CONFLICT (follower_id, followee_id) DO UPDATE SET show_boosts = {show_boosts}, notify = {notify}
        RETURNING accepted, xmax = 0""",
        load=row(_made),
    )
    async def put(
        self, follower_id: int, followee_id: int, accepted: bool, show_boosts: bool, notify: bool
    ) -> tuple[bool, bool]:
        """Create or update a follow. Return whether it is accepted (an update keeps that), and whether it is new."""

    @query(
        sql="DELETE FROM follows WHERE follower_id = {follower_id} AND followee_id = {followee_id} RETURNING accepted",
        load=scalar,
    )
    async def remove(self, follower_id: int, followee_id: int) -> bool | None:
        """Delete a follow. Return whether it was accepted, or None if it did not exist."""

    @query(
        sql="UPDATE follows SET accepted = true "
        "WHERE follower_id = {follower_id} AND followee_id = {followee_id} AND NOT accepted RETURNING id",
        load=scalar,
    )
    async def accept(self, follower_id: int, followee_id: int) -> int | None: ...

    @query(
        sql="DELETE FROM follows "
        "WHERE follower_id = {follower_id} AND followee_id = {followee_id} AND NOT accepted RETURNING id",
        load=scalar,
    )
    async def reject(self, follower_id: int, followee_id: int) -> int | None: ...

    @statement(
        sql="""UPDATE accounts SET
            following_count = following_count + CASE WHEN id = {follower_id} THEN {by} ELSE 0 END,
            followers_count = followers_count + CASE WHEN id = {followee_id} THEN {by} ELSE 0 END
        WHERE id IN ({follower_id}, {followee_id})"""
    )
    async def count(self, follower_id: int, followee_id: int, by: int) -> None: ...

    @query(
        sql="""WITH accepted AS (
            UPDATE follows SET accepted = true
            WHERE followee_id = {account_id} AND follower_id = ANY({follower_ids}::bigint[]) AND NOT accepted
            RETURNING follower_id
        ), following AS (
            UPDATE accounts SET following_count = following_count + 1 WHERE id IN (SELECT follower_id FROM accepted)
        ), followed AS (
            UPDATE accounts SET followers_count = followers_count + (SELECT count(*) FROM accepted)
            WHERE id = {account_id}
        ), event AS (
            INSERT INTO outbox (kind, account_id, recipient_id)
            SELECT 'relation', {account_id}, follower_id FROM accepted
        ), settled AS (
            DELETE FROM notifications WHERE account_id = {account_id} AND kind = 'follow_request'
                AND actor_id IN (SELECT follower_id FROM accepted)
        ) SELECT follower_id FROM accepted""",
        load=rows(int),
    )
    async def accept_all(self, account_id: int, follower_ids: Sequence[int]) -> list[int]:
        """Accept follow requests with their counters and events. The accounts must be locked."""

    @query(
        sql="SELECT follower_id FROM follows WHERE followee_id = {account_id} AND NOT accepted "
        "ORDER BY id LIMIT {limit}",
        load=rows(int),
    )
    async def waiting(self, account_id: int, limit: int) -> list[int]:
        """Return the accounts of the oldest follow requests."""

    @query(
        sql="SELECT count(*) FROM (SELECT FROM follows WHERE followee_id = {account_id} AND NOT accepted LIMIT 1000) f",
        load=scalar,
    )
    async def count_waiting(self, account_id: int) -> int:
        """Return the number of follow requests, at most 1,000."""

    @statement(
        sql="INSERT INTO blocks (account_id, target_id) VALUES ({account_id}, {target_id}) ON CONFLICT DO NOTHING"
    )
    async def block(self, account_id: int, target_id: int) -> None: ...

    @query(
        sql="DELETE FROM blocks WHERE account_id = {account_id} AND target_id = {target_id} RETURNING id",
        load=scalar,
    )
    async def unblock(self, account_id: int, target_id: int) -> int | None: ...

    @query(
        sql="""SELECT EXISTS (SELECT FROM blocks WHERE account_id = {one} AND target_id = {other})
            OR EXISTS (SELECT FROM blocks WHERE account_id = {other} AND target_id = {one})""",
        load=scalar,
    )
    async def blocked_either_way(self, one: int, other: int) -> bool: ...

    @statement(
        sql="""INSERT INTO mutes (account_id, target_id, notifications, expires_at)
        VALUES ({account_id}, {target_id}, {notifications}, {expires_at}::timestamptz)
        ON CONFLICT (account_id, target_id)
        DO UPDATE SET notifications = {notifications}, expires_at = {expires_at}::timestamptz"""
    )
    async def mute(
        self, account_id: int, target_id: int, notifications: bool, expires_at: datetime | None
    ) -> None: ...

    @query(
        sql="DELETE FROM mutes WHERE account_id = {account_id} AND target_id = {target_id} RETURNING id",
        load=scalar,
    )
    async def unmute(self, account_id: int, target_id: int) -> int | None: ...

    @query(
        sql="""SELECT t.id, coalesce(f.accepted, false), coalesce(NOT f.accepted, false),
            coalesce(r.accepted, false), coalesce(NOT r.accepted, false), b.id IS NOT NULL, d.id IS NOT NULL,
            m.id IS NOT NULL, coalesce(m.notifications, false), coalesce(f.show_boosts, true),
            coalesce(f.notify, false), coalesce(n.comment, ''), e.id IS NOT NULL, m.expires_at
        FROM unnest({ids}::bigint[]) WITH ORDINALITY AS t (id, place)
        JOIN accounts a ON a.id = t.id AND a.state <> 'pending' AND a.deleted_at IS NULL
        LEFT JOIN follows f ON f.follower_id = {viewer_id} AND f.followee_id = t.id
        LEFT JOIN follows r ON r.follower_id = t.id AND r.followee_id = {viewer_id}
        LEFT JOIN blocks b ON b.account_id = {viewer_id} AND b.target_id = t.id
        LEFT JOIN blocks d ON d.account_id = t.id AND d.target_id = {viewer_id}
        LEFT JOIN mutes m ON m.account_id = {viewer_id} AND m.target_id = t.id
            AND (m.expires_at IS NULL OR m.expires_at > clock_timestamp())
        LEFT JOIN account_notes n ON n.account_id = {viewer_id} AND n.target_id = t.id
        LEFT JOIN endorsements e ON e.account_id = {viewer_id} AND e.target_id = t.id
        ORDER BY t.place""",
        load=rows(Relationship),
    )
    async def relationships(self, viewer_id: int, ids: Sequence[int]) -> list[Relationship]:
        """Return the relationships in the order of ``ids``, without ids that do not exist."""

    @query(
        sql=f"SELECT f.id, {ACCOUNT_COLUMNS} FROM follows f JOIN accounts a ON a.id = f.follower_id "
        "WHERE f.followee_id = {account_id} AND f.accepted = {accepted} AND "
        + PERSON_LISTED
        + span_of("f.id"),
        load=rows(account_at),
    )
    async def followers(
        self,
        viewer: int | None,
        account_id: int,
        accepted: bool,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[tuple[int, Account]]:
        """Return the followers of an account, or with ``accepted`` false the accounts that asked to follow it."""

    @query(
        sql=f"SELECT f.id, {ACCOUNT_COLUMNS} FROM follows f JOIN accounts a ON a.id = f.followee_id "
        "WHERE f.follower_id = {account_id} AND f.accepted AND " + PERSON_LISTED + span_of("f.id"),
        load=rows(account_at),
    )
    async def following(
        self,
        viewer: int | None,
        account_id: int,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[tuple[int, Account]]: ...

    @query(
        sql=f"SELECT b.id, {ACCOUNT_COLUMNS} FROM blocks b JOIN accounts a ON a.id = b.target_id "
        "WHERE b.account_id = {account_id} AND a.deleted_at IS NULL" + span_of("b.id"),
        load=rows(account_at),
    )
    async def blocks(
        self, account_id: int, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[tuple[int, Account]]: ...

    @query(
        sql=f"SELECT m.id, {ACCOUNT_COLUMNS} FROM mutes m JOIN accounts a ON a.id = m.target_id "
        "WHERE m.account_id = {account_id} AND (m.expires_at IS NULL OR m.expires_at > clock_timestamp()) "
        "AND a.deleted_at IS NULL" + span_of("m.id"),
        load=rows(account_at),
    )
    async def mutes(
        self, account_id: int, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[tuple[int, Account]]: ...

    @query(
        sql="SELECT target_id, expires_at FROM mutes "
        "WHERE account_id = {account_id} AND target_id = ANY({ids}::bigint[])",
        load=rows(_mute),
    )
    async def mute_ends(self, account_id: int, ids: Sequence[int]) -> list[tuple[int, datetime | None]]:
        """Return each muted account with the end of its mute, or None for a mute without an end."""


follows = accessor(FollowQueries)
