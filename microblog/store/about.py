"""How big the site is, in one statement; and who owns it."""

from __future__ import annotations

from typing import Any, Protocol

from dbxs import query

from microblog.domain.accounts import Account
from microblog.store.access import accessor
from microblog.store.accounts import ACCOUNT_COLUMNS, account_from
from microblog.store.database import row


def _facts(
    people: int, posts: int, active_month: int, active_half_year: int, *owner: Any
) -> tuple[int, int, int, int, Account | None]:
    known = account_from(owner) if owner[0] is not None else None
    return people, posts, active_month, active_half_year, known


class AboutQueries(Protocol):
    @query(
        sql=f"""SELECT counted.people, counted.posts, counted.month, counted.half_year, {ACCOUNT_COLUMNS}
        FROM (SELECT count(*) AS people, coalesce(sum(c.posts_count), 0)::bigint AS posts,
                count(*) FILTER (WHERE greatest(u.last_seen_at, c.last_post_at)
                                 > clock_timestamp() - interval '30 days') AS month,
                count(*) FILTER (WHERE greatest(u.last_seen_at, c.last_post_at)
                                 > clock_timestamp() - interval '180 days') AS half_year
              FROM accounts c JOIN users u ON u.account_id = c.id WHERE c.state = 'active') counted
        LEFT JOIN users o ON o.role = 'owner' LEFT JOIN accounts a ON a.id = o.account_id""",
        load=row(_facts),
    )
    async def facts(self) -> tuple[int, int, int, int, Account | None]:
        """People, their posts, those who were here in the last 30 and in the last 180 days, and the owner."""
        ...


about = accessor(AboutQueries)
