"""The visibility rule of ``domain/visibility.py``, in SQL, over the aliases ``p`` (posts) and ``a`` (its author).

``{viewer}`` is a bigint or NULL for a stranger: parameters are interpolated before planning, so the planner folds the
parts that a stranger can't match away, and a stranger's page looks at no other table.
"""

from __future__ import annotations

from typing import Final

VISIBLE: Final = """(a.state = 'active' AND (
        p.author_id = {viewer}::bigint
        OR ((p.visibility IN ('public', 'unlisted')
             OR {viewer}::bigint = ANY (p.mentioned_ids)
             OR (p.visibility = 'followers' AND EXISTS (
                    SELECT FROM follows f
                    WHERE f.follower_id = {viewer}::bigint AND f.followee_id = p.author_id AND f.accepted)))
            AND NOT EXISTS (
                SELECT FROM blocks k WHERE k.account_id = p.author_id AND k.target_id = {viewer}::bigint))))"""


#: That somebody who boosted (the alias ``b``, null for what is no boost) is active, and does not block the viewer.
BOOSTED: Final = """(b.id IS NULL OR (b.state = 'active' AND NOT EXISTS (
        SELECT FROM blocks k WHERE k.account_id = b.id AND k.target_id = {viewer}::bigint)))"""


def meeting(account: str) -> str:
    """That neither of the viewer and the account of that column blocks the other: in listings of people."""
    return f"""NOT EXISTS (
            SELECT FROM blocks k WHERE (k.account_id = {account} AND k.target_id = {{viewer}}::bigint)
                OR (k.account_id = {{viewer}}::bigint AND k.target_id = {account}))"""


def wanted(account: str) -> str:
    """That the viewer neither mutes nor blocks the account of that column."""
    return f"""NOT EXISTS (
            SELECT FROM mutes m WHERE m.account_id = {{viewer}}::bigint AND m.target_id = {account}
            AND (m.expires_at IS NULL OR m.expires_at > clock_timestamp()))
        AND NOT EXISTS (
            SELECT FROM blocks k WHERE k.account_id = {{viewer}}::bigint AND k.target_id = {account})"""
