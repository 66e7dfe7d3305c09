"""The size of the site and its contact account, in one statement."""

from __future__ import annotations

from typing import Any, Protocol

from dbxs import query

from microblog.domain.accounts import Account
from microblog.store.accounts import ACCOUNT_COLUMNS, account_from
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import row


def _facts(
    people: int, posts: int, active_month: int, active_half_year: int, *contact: Any
) -> tuple[int, int, int, int, Account | None]:
    known = account_from(contact) if contact[0] is not None else None
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
        LEFT JOIN accounts a ON a.id = coalesce(
            (SELECT n.id FROM accounts n WHERE lower(n.name) = lower({{name}}::text) AND coalesce(n.domain, '') = ''
             AND n.state = 'active'),
            (SELECT o.account_id FROM users o WHERE o.role = 'owner' LIMIT 1))""",
        load=row(_facts),
    )
    async def facts(self, name: str | None) -> tuple[int, int, int, int, Account | None]:
        """Return the numbers of accounts, of posts, and of accounts seen in the last 30 and 180 days, and the contact.

        The contact is the active account called ``name``, or the owner's if there is none.
        """


about = accessor(AboutQueries)
