"""The home timeline's query: the newest of what those whom somebody follows wrote, and of the tags they follow.

Three ways lead to the same posts, and the cheapest that will do is taken, within one statement:

``recent``  The newest posts of the whole site are looked at, one after the other, until there is a page of them.  Who
            follows much finds one within a few hundred.
``each``    Where the first :data:`WINDOW` have no page, each one followed is asked for their newest post, and the
            authors of the newest of these for a page: no other author can have a post among the newest.  That costs an
            index probe for each one followed, however many posts there are.
``tagged``  The newest posts of each followed tag.

What is not for the home of this viewer is left out while looking, never after: a page is short only at the end.
"""

from __future__ import annotations

from typing import Final

from microblog.store.paging import in_order, within
from microblog.store.posts import BOOST_COLUMNS, BOOST_TABLES
from microblog.store.visibility import VISIBLE, wanted

#: Posts of everybody that are looked at first. A hundred or two of the table's pages, which lie side by side.
WINDOW: Final = 2000

#: What the public timeline lists, of the alias ``p``.
PUBLIC: Final = (
    "p.visibility = 'public' AND p.boost_of_id IS NULL "
    "AND (p.reply_to_account_id IS NULL OR p.reply_to_account_id = p.author_id)"
)


def _newest(column: str, count: int) -> str:
    return in_order(column).replace("{count}", str(count))


def _suits(show_boosts: str) -> str:
    """That a post ``h`` of somebody followed is for this home."""
    return f"""(h.visibility <> 'direct' OR h.author_id = {{viewer}} OR {{viewer}} = ANY (h.mentioned_ids))
        AND (h.reply_to_account_id IS NULL OR h.reply_to_account_id IN ({{viewer}}, h.author_id)
            OR h.reply_to_account_id IN (
                SELECT r.followee_id FROM follows r WHERE r.follower_id = {{viewer}} AND r.accepted))
        AND (h.boost_of_id IS NULL OR ({show_boosts} AND EXISTS (
            SELECT FROM posts p JOIN accounts a ON a.id = p.author_id
            WHERE p.id = h.boost_of_id AND {VISIBLE} AND {wanted("p.author_id")})))
        AND EXISTS (SELECT FROM accounts a WHERE a.id = h.author_id AND a.state = 'active')"""


#: Parameters: ``viewer``, and `paging.bounds` of a span. Rows are `posts.listed_from`'s.
HOME: Final = f"""
    WITH source AS MATERIALIZED (
        SELECT f.followee_id AS id, f.show_boosts FROM follows f
        WHERE f.follower_id = {{viewer}} AND f.accepted
        AND f.followee_id <> ALL (ARRAY(
            SELECT x.account_id FROM lists l JOIN list_accounts x ON x.list_id = l.id
            WHERE l.account_id = {{viewer}} AND l.exclusive))
        AND f.followee_id <> ALL (ARRAY(
            SELECT m.target_id FROM mutes m
            WHERE m.account_id = {{viewer}} AND (m.expires_at IS NULL OR m.expires_at > clock_timestamp())
            UNION ALL SELECT k.target_id FROM blocks k WHERE k.account_id = {{viewer}}
            UNION ALL SELECT k.account_id FROM blocks k WHERE k.target_id = {{viewer}}))
        UNION ALL SELECT {{viewer}}, true
    ), recent AS MATERIALIZED (
        SELECT h.id FROM (SELECT h.* FROM posts h WHERE {within("h.id")} {_newest("h.id", WINDOW)}) h
        -- Written so that it is looked up in a hash of whom they follow, post by post, and ends with the page.
        WHERE (h.author_id IN (SELECT id FROM source)) IS TRUE
        AND {_suits("h.author_id IN (SELECT id FROM source WHERE show_boosts)")}
        {in_order("h.id")}
    ), newest AS (
        SELECT id FROM recent
        UNION
        SELECT each.id
        FROM (
            SELECT source.id, source.show_boosts
            FROM source CROSS JOIN LATERAL (
                SELECT h.id FROM posts h
                WHERE h.author_id = source.id AND {within("h.id")} AND {_suits("source.show_boosts")}
                {_newest("h.id", 1)}
            ) top
            WHERE (SELECT count(*) FROM recent) < {{count}}
            {in_order("top.id")}
        ) late CROSS JOIN LATERAL (
            SELECT h.id FROM posts h
            WHERE h.author_id = late.id AND {within("h.id")} AND {_suits("late.show_boosts")}
            {in_order("h.id")}
        ) each
        UNION
        SELECT tagged.id
        FROM followed_tags k CROSS JOIN LATERAL (
            SELECT t.post_id AS id
            FROM post_tags t JOIN posts p ON p.id = t.post_id JOIN accounts a ON a.id = p.author_id
            WHERE t.tag = k.tag AND {PUBLIC} AND {within("t.post_id")} AND {VISIBLE} AND {wanted("p.author_id")}
            {in_order("t.post_id")}
        ) tagged
        WHERE k.account_id = {{viewer}}
    )
    SELECT {BOOST_COLUMNS}
    FROM (SELECT id FROM newest {in_order("id")}) page
    JOIN {BOOST_TABLES.replace("posts w", "posts w ON w.id = page.id", 1)}
    WHERE {VISIBLE} {in_order("w.id")}"""
