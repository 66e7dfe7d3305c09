"""The SQL conditions about who may see what, who wants to see it, and who blocks whom.

Every listing, count, mail and stream takes its conditions from here; no other module of the store spells a condition
about ``blocks`` or ``mutes`` (a test holds this).  ``domain/visibility.py`` says the same as :data:`VISIBLE` about one
post, and a property test holds the two together.

===============================  ==================================================================================
condition                        where
===============================  ==================================================================================
:data:`VISIBLE`                  every query that returns posts
:data:`BOOSTED`                  beside it where the row may be a boost
:func:`listed_for`               posts that a listing offers: public, tags, threads, search, trends, conversations
:func:`wanted`                   the same for queries that always have a viewer
:data:`UNWANTED`                 the same as a set, where many accounts are looked up: home, lists, directory
:data:`PERSON_LISTED`            listings of people: followers, who favourited, who boosted, endorsements
:data:`FINDABLE`                 listings that offer people: search, directory, suggestions, trends
:func:`no_block_between`         the part of these that is about blocks
:data:`BLOCKED_EITHER_WAY`       the same as a set: search and completion of names
:func:`not_blocked_by`           an account that the viewer names exactly, so that it can be unblocked
:data:`DELIVERED`                direct posts that reached the viewer: conversations, home, mentions, search
:func:`notification_shown`       notifications: list, groups, badge, mail, streams
===============================  ==================================================================================

The aliases are ``p`` for a post, ``a`` for its author, ``b`` for the account that boosted it or caused a notification,
``n`` for a notification, ``u`` for its recipient.  ``{viewer}`` is a bigint, or NULL for an anonymous request.
Parameters are interpolated before planning, so the planner folds the parts that an anonymous request can't match, and
an anonymous page reads no other table.
"""

from __future__ import annotations

from typing import Final

VIEWER: Final = "{viewer}::bigint"


def _in_force(mute: str) -> str:
    return f"({mute}.expires_at IS NULL OR {mute}.expires_at > clock_timestamp())"


# ---------------------------------------------------------------------------------------------------- may see


def visible_to(viewer: str) -> str:
    """Return the condition that an account may see the post ``p`` of the author ``a``."""
    return f"""(a.state = 'active' AND (
        p.author_id = {viewer}
        OR ((p.visibility IN ('public', 'unlisted')
             OR {viewer} = ANY (p.mentioned_ids)
             OR (p.visibility = 'followers' AND EXISTS (
                    SELECT FROM follows f
                    WHERE f.follower_id = {viewer} AND f.followee_id = p.author_id AND f.accepted)))
            AND NOT EXISTS (
                SELECT FROM blocks k WHERE k.account_id = p.author_id AND k.target_id = {viewer}))))"""


#: The viewer may see the post ``p`` of the author ``a``.
VISIBLE: Final = visible_to(VIEWER)

#: The account ``b`` that boosted a post is active and does not block the viewer, who may see the boost ``w``: it can be
#: narrower than the post. True where ``b`` is null: no boost.
BOOSTED: Final = f"""(b.id IS NULL OR (b.state = 'active' AND NOT EXISTS (
        SELECT FROM blocks k WHERE k.account_id = b.id AND k.target_id = {VIEWER})
    AND (w.visibility IN ('public', 'unlisted') OR b.id = {VIEWER} OR EXISTS (
        SELECT FROM follows f WHERE f.follower_id = {VIEWER} AND f.followee_id = b.id AND f.accepted))))"""

#: The viewer, who may see the post ``p``, may also see its earlier version ``e``. An account that an edit named may
#: read only the versions from then on, where nothing but being named lets it see the post.
WAS_VISIBLE: Final = f"""p.author_id = {VIEWER} OR p.visibility IN ('public', 'unlisted')
        OR (p.visibility = 'followers' AND EXISTS (
            SELECT FROM follows f WHERE f.follower_id = {VIEWER} AND f.followee_id = p.author_id AND f.accepted))
        OR NOT EXISTS (
            SELECT FROM mentions m WHERE m.account_id = {VIEWER} AND m.post_id = p.id
            AND (m.after_edit >= e.id OR m.until_edit <= e.id))"""


def reads_former(viewer: str) -> str:
    """Return the condition that an edit of the post ``p`` dropped the account, which reads a former version ``m``."""
    return f"""m.account_id = {viewer} AND m.post_id = p.id AND m.until_edit IS NOT NULL
            AND NOT (p.visibility = 'followers' AND EXISTS (
                SELECT FROM follows f
                WHERE f.follower_id = {viewer} AND f.followee_id = p.author_id AND f.accepted OFFSET 0))"""


def _may_be_former(viewer: str) -> str:
    return f"{viewer} IS NOT NULL AND p.visibility IN ('followers', 'direct') AND {viewer} = ANY (p.mentioned_ids)"


#: The version that the viewer reads instead of the present one: the last that named them. Null: the present one.
FORMER_VERSION: Final = f"""CASE WHEN {_may_be_former(VIEWER)} THEN (
        SELECT jsonb_build_array(e.text, e.html, e.summary, e.sensitive, e.created_at)
        FROM mentions m JOIN post_edits e ON e.id = m.until_edit WHERE {reads_former(VIEWER)} OFFSET 0) END"""


def reads_present(viewer: str = VIEWER) -> str:
    """Return the condition that an account, which may see the post ``p``, reads its present version."""
    return f"""NOT ({_may_be_former(viewer)} AND EXISTS (
            SELECT FROM mentions m WHERE {reads_former(viewer)} OFFSET 0))"""


# ---------------------------------------------------------------------------------------------------- wants to see


def wanted(account: str, viewer: str = VIEWER) -> str:
    """Return the condition that the viewer neither mutes nor blocks the account in that column."""
    return f"""NOT EXISTS (
            SELECT FROM mutes m WHERE m.account_id = {viewer} AND m.target_id = {account} AND {_in_force("m")})
        AND NOT EXISTS (
            SELECT FROM blocks k WHERE k.account_id = {viewer} AND k.target_id = {account})"""


def listed_for(account: str) -> str:
    """Return :func:`wanted` for queries that also answer anonymous requests, which look at no table for it."""
    return f"({VIEWER} IS NULL OR ({wanted(account)}))"


#: A set of accounts: the viewer does not want their posts, or may not see them.
UNWANTED: Final = f"""SELECT m.target_id FROM mutes m WHERE m.account_id = {VIEWER} AND {_in_force("m")}
            UNION ALL SELECT k.target_id FROM blocks k WHERE k.account_id = {VIEWER}
            UNION ALL SELECT k.account_id FROM blocks k WHERE k.target_id = {VIEWER}"""

# ---------------------------------------------------------------------------------------------------- who blocks whom


def no_block_between(account: str, viewer: str = VIEWER) -> str:
    """Return the condition that neither of the viewer and the account in that column blocks the other."""
    return f"""NOT EXISTS (
            SELECT FROM blocks k WHERE (k.account_id = {account} AND k.target_id = {viewer})
                OR (k.account_id = {viewer} AND k.target_id = {account}))"""


#: A list of people shows the account ``a`` to the viewer.
PERSON_LISTED: Final = f"a.state = 'active' AND {no_block_between('a.id')}"
#: The account ``a`` is active and wants to be found: search, directory, suggestions, trends.
FINDABLE: Final = "a.state = 'active' AND a.discoverable"


def not_blocked_by(account: str, viewer: str = VIEWER) -> str:
    """Return the condition that the account in that column does not block the viewer."""
    return f"NOT EXISTS (SELECT FROM blocks k WHERE k.account_id = {account} AND k.target_id = {viewer})"


#: A set of accounts: they block the viewer, or the viewer blocks them.
BLOCKED_EITHER_WAY: Final = f"""SELECT k.account_id FROM blocks k WHERE k.target_id = {VIEWER}
            UNION ALL SELECT k.target_id FROM blocks k WHERE k.account_id = {VIEWER}"""

# ---------------------------------------------------------------------------------------------------- notifications


def may_notify(recipient: str, actor: str) -> str:
    """Return the condition that neither account blocks the other, and the recipient mutes no notifications of it."""
    return f"""{no_block_between(actor, recipient)}
        AND NOT EXISTS (
            SELECT FROM mutes m WHERE m.account_id = {recipient} AND m.target_id = {actor} AND m.notifications
            AND {_in_force("m")})"""


def notification_reaches(recipient: str = "n.account_id") -> str:
    """Return the condition that the recipient still wants the notification ``n``, and may see what it is about.

    ``b`` is its actor, ``p`` the post with the author ``a`` (null where it is about no post).  An account that signs
    up is not active yet, and is shown to accounts that still moderate; no other account that is not active causes
    notifications.
    """
    return f"""((b.state = 'active' OR (n.kind = 'sign_up' AND b.deleted_at IS NULL AND EXISTS (
            SELECT FROM users r WHERE r.account_id = {recipient} AND r.role <> 'user')))
        AND (n.post_id IS NULL OR {visible_to(recipient)})
        AND {may_notify(recipient, "n.actor_id")})"""


#: What every listing, count, mail and stream of notifications shows: they reach, and no policy holds them back.
NOTIFICATION_SHOWN: Final = f"NOT n.filtered AND {notification_reaches()}"

#: How long a transaction may take that writes a notification: 1 hour, as a distance between ids.
_LATE: Final = 3_600_000 << 16
#: The notification was not committed yet when the recipient set their mark. A transaction that is still to come is
#: one of another server, from which the database was restored.
_WAS_LATE: Final = (
    "coalesce(NOT pg_visible_in_snapshot(n.xid, u.notifications_read_snapshot) "
    "AND n.xid < pg_snapshot_xmax(pg_current_snapshot()), false)"
)
#: The recipient has seen the notification: it is up to their mark, and was committed when they set it.
NOTIFICATION_READ: Final = f"(n.id <= u.notifications_read_id AND NOT {_WAS_LATE})"
#: The opposite, with the range of ids that an index finds: unread ones are above the mark, or shortly below it.
NOTIFICATION_UNREAD: Final = (
    f"(n.id > u.notifications_read_id - {_LATE} AND (n.id > u.notifications_read_id OR {_WAS_LATE}))"
)

# The rules of a notification policy: ``a`` the recipient, ``t`` the post, ``y`` the policy.
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
ACTOR: Final = "{actor_id}::bigint"
NOT_PERMITTED: Final = f"""NOT EXISTS (SELECT FROM notification_permissions g
            WHERE g.account_id = a.id AND g.actor_id = {ACTOR})"""


def policy_says(*verdicts: str) -> str:
    """Return the condition that the recipient's policy has one of these verdicts (filter, drop) on the actor's post."""
    named = ", ".join(f"'{each}'" for each in verdicts)
    rules = " OR ".join(f"(y.{name} IN ({named}) AND {about})" for name, about in _RULES.items())
    return f"(y.account_id IS NOT NULL AND ({rules}) AND {NOT_PERMITTED})"


# ---------------------------------------------------------------------------------------------------- direct posts

#: A block or the recipient's policy keeps the direct post ``t`` of the actor away from the recipient ``a``.
WITHHELD: Final = (
    f"""(a.id <> {ACTOR} AND (NOT {no_block_between("a.id", ACTOR)} OR {policy_says("filter", "drop")}))"""
)

#: The recipient ``a`` mutes the actor, or the thread of the post ``t``.
QUIET: Final = f"""(NOT ({wanted(ACTOR, "a.id")})
        OR EXISTS (SELECT FROM thread_mutes x WHERE x.account_id = a.id AND x.thread_id = t.thread_id))"""

#: The post ``p`` reached the viewer: they wrote it, or no block and no policy withheld it when it was written.
DELIVERED: Final = f"""(p.author_id = {VIEWER} OR NOT EXISTS (
        SELECT FROM mentions d WHERE d.account_id = {VIEWER} AND d.post_id = p.id AND d.withheld OFFSET 0))"""

# ---------------------------------------------------------------------------------------------------- for live streams

#: How the account ``{account_id}`` stands to others, in the arrays ``by_ids``, ``ids`` and ``ids`` with ``ends``.
STREAM_BLOCKS: Final = """
             (SELECT coalesce(array_agg(account_id), '{{}}') AS by_ids FROM blocks WHERE target_id = {account_id}) b,
             (SELECT coalesce(array_agg(target_id), '{{}}') AS ids FROM blocks WHERE account_id = {account_id}) c,
             (SELECT coalesce(array_agg(target_id ORDER BY id), '{{}}') AS ids,
                     coalesce(array_agg(expires_at ORDER BY id), '{{}}') AS ends
              FROM mutes WHERE account_id = {account_id}) m"""

#: How each of ``{account_ids}`` stands to the one of ``{other_ids}`` at its place: what the other's acts can change.
STREAM_PAIRS: Final = """
        SELECT p.account_id, p.other_id, f.show_boosts,
            EXISTS (SELECT FROM blocks k WHERE k.account_id = p.other_id AND k.target_id = p.account_id),
            EXISTS (SELECT FROM blocks k WHERE k.account_id = p.account_id AND k.target_id = p.other_id)
        FROM unnest({account_ids}::bigint[], {other_ids}::bigint[]) AS p (account_id, other_id)
        LEFT JOIN follows f ON f.follower_id = p.account_id AND f.followee_id = p.other_id AND f.accepted"""

#: Pairs of ``{viewers}`` and ``{authors}``: a viewer who does not want an author's posts, or may not see them.
UNWANTED_PAIRS: Final = f"""
        SELECT m.account_id, 'unwanted', m.target_id FROM mutes m
            WHERE m.account_id = ANY ({{viewers}}) AND m.target_id = ANY ({{authors}}) AND {_in_force("m")}
        UNION ALL
        SELECT account_id, 'unwanted', target_id FROM blocks
            WHERE account_id = ANY ({{viewers}}) AND target_id = ANY ({{authors}})
        UNION ALL
        SELECT target_id, 'unwanted', account_id FROM blocks
            WHERE account_id = ANY ({{authors}}) AND target_id = ANY ({{viewers}})"""
