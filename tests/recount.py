"""What each counter says against a recount of the rows: queries whose result is empty where all is right."""

from __future__ import annotations

from typing import Any, Final

DIFFERENCES: Final = {
    "replies": "SELECT id, replies_count FROM posts p WHERE replies_count <> (SELECT count(*) FROM posts r "
    "WHERE r.reply_to_id = p.id AND r.visibility IN ('public', 'unlisted'))",
    "favourites": "SELECT id, favourites_count FROM posts p WHERE favourites_count <> "
    "(SELECT count(*) FROM favourites f WHERE f.post_id = p.id)",
    "boosts": "SELECT id, boosts_count FROM posts p WHERE boosts_count <> "
    "(SELECT count(*) FROM posts b WHERE b.boost_of_id = p.id)",
    "posts": "SELECT name, posts_count FROM accounts a WHERE posts_count <> "
    "(SELECT count(*) FROM posts p WHERE p.author_id = a.id AND p.visibility <> 'direct')",
    "followers": "SELECT name, followers_count FROM accounts a WHERE followers_count <> "
    "(SELECT count(*) FROM follows f WHERE f.followee_id = a.id AND f.accepted)",
    "following": "SELECT name, following_count FROM accounts a WHERE following_count <> "
    "(SELECT count(*) FROM follows f WHERE f.follower_id = a.id AND f.accepted)",
    "tags of posts": "SELECT p.id, p.tags FROM posts p WHERE ARRAY(SELECT unnest(p.tags) ORDER BY 1) <> "
    "ARRAY(SELECT t.tag FROM post_tags t WHERE t.post_id = p.id ORDER BY 1)",
    "tags": "SELECT t.tag, t.uses FROM tags t WHERE t.uses <> "
    "(SELECT count(*) FROM post_tags u JOIN posts p ON p.id = u.post_id "
    "WHERE u.tag = t.tag AND p.visibility = 'public')",
    "uncounted tags": "SELECT u.tag FROM post_tags u JOIN posts p ON p.id = u.post_id "
    "WHERE p.visibility = 'public' AND u.tag NOT IN (SELECT tag FROM tags)",
    "days of tags": """
        SELECT * FROM (
            SELECT u.tag, (p.created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS uses,
                count(DISTINCT p.author_id) AS people
            FROM post_tags u JOIN posts p ON p.id = u.post_id WHERE p.visibility = 'public' GROUP BY 1, 2
        ) real FULL JOIN (SELECT * FROM tag_days WHERE uses <> 0 OR people <> 0) said USING (tag, day)
        WHERE (real.uses, real.people) IS DISTINCT FROM (said.uses::bigint, said.people::bigint)""",
    "featured tags": """
        SELECT k.account_id, k.tag, k.uses, real.uses FROM featured_tags k CROSS JOIN LATERAL (
            SELECT count(*)::integer AS uses, max(p.created_at) AS last_at FROM posts p
            WHERE p.author_id = k.account_id AND k.tag = ANY (p.tags) AND p.visibility IN ('public', 'unlisted')) real
        WHERE (k.uses, k.last_at) IS DISTINCT FROM (real.uses, real.last_at)""",
    "notes of tags": "SELECT * FROM tag_changes",
    "mentions": "SELECT p.id FROM posts p WHERE p.mentioned_ids <> '{}' AND ARRAY(SELECT m.account_id FROM mentions m "
    "WHERE m.post_id = p.id ORDER BY 1) <> ARRAY(SELECT unnest(p.mentioned_ids) AS id "
    "INTERSECT SELECT id FROM accounts ORDER BY 1)",
}


async def differences(db: Any) -> dict[str, list[Any]]:
    """Return the counters that are wrong, with the rows where they are."""
    found = {what: (await db.reads.run(statement)).fetchall() for what, statement in DIFFERENCES.items()}
    return {what: wrong for what, wrong in found.items() if wrong}
