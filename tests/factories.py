"""Accounts, posts, viewers and follows for tests: ``make_…`` in memory, ``create_…`` in the database.

They are plain unless the arguments say otherwise. Rows are inserted without a service, so a test that is not about
sign-up or publishing does not pay for them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from argon2 import PasswordHasher

from microblog.domain.accounts import Account, Role, State, Viewer
from microblog.domain.posts import Post
from microblog.domain.visibility import Visibility
from microblog.store.accounts import accounts

#: When the accounts and posts in memory were created.
CREATED_AT = datetime(2026, 1, 1, tzinfo=UTC)

#: argon2id at a fraction of its cost.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def make_account(account_id: int, name: str, **fields: Any) -> Account:
    """Return an account; ``fields`` replace the defaults."""
    values: dict[str, Any] = {
        "id": account_id,
        "name": name,
        "domain": None,
        "display_name": "",
        "bio": "",
        "bio_html": "",
        "fields": (),
        "locked": False,
        "discoverable": True,
        "bot": False,
        "state": State.ACTIVE,
        "created_at": CREATED_AT,
        "last_post_at": None,
        "posts_count": 0,
        "followers_count": 0,
        "following_count": 0,
    }
    return Account(**{**values, **fields})


def make_viewer(account: Account, *scopes: str, **fields: Any) -> Viewer:
    """Return a viewer who is logged in as ``account``, by a token if there are scopes."""
    if scopes:
        fields = {"token_id": 1, "scopes": frozenset(scopes), **fields}
    return Viewer(account, **{"role": Role.USER, **fields})


def make_post(post_id: int, author: Account, text: str = "Hello", **fields: Any) -> Post:
    """Return a public post that begins a thread; ``fields`` replace the defaults."""
    values: dict[str, Any] = {
        "id": post_id,
        "author": author,
        "visibility": Visibility.PUBLIC,
        "text": text,
        "html": f"<p>{text}</p>",
        "summary": "",
        "sensitive": False,
        "language": "en",
        "created_at": CREATED_AT,
        "edited_at": None,
        "reply_to_id": None,
        "reply_to_account_id": None,
        "reply_to_name": None,
        "thread_id": post_id,
        "mentions": (),
        "tags": (),
        "replies_count": 0,
        "boosts_count": 0,
        "favourites_count": 0,
    }
    return Post(**{**values, **fields})


async def create_viewer(
    db: Any, name: str, *, locked: bool = False, state: str = "active", role: str = "user"
) -> Viewer:
    """Insert an account and its user, without the cost of a password hash. Return the viewer."""
    cursor = await db.reads.run(
        "WITH account AS (INSERT INTO accounts (name, locked, state) VALUES (%s, %s, %s) RETURNING id) "
        "INSERT INTO users (account_id, email, password_hash, role) "
        "SELECT id, %s, 'none', %s FROM account RETURNING account_id",
        (name, locked, state, f"{name}@example.org", role),
    )
    [[account_id]] = cursor.fetchall()
    account = await accounts(db.reads).by_id(account_id)
    assert account is not None
    return Viewer(account, Role(role))
