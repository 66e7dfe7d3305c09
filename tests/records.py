"""Records of the domain, made without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from microblog.domain.accounts import Account, State


def an_account(account_id: int, name: str, **more: Any) -> Account:
    """A plain account; ``more`` is what is not plain about it."""
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
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "last_post_at": None,
        "posts_count": 0,
        "followers_count": 0,
        "following_count": 0,
    }
    return Account(**{**values, **more})
