"""Accounts in the database: the one list of an account's columns, and the queries for people.

Every query that shows people selects :data:`ACCOUNT_COLUMNS` (of the alias ``a``) and builds the record by
:func:`account_from`, so that a new column of a profile is added here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from microblog.domain.accounts import Account, Field, State

_COLUMNS: Final = (
    "id",
    "name",
    "domain",
    "display_name",
    "bio",
    "bio_html",
    "fields",
    "locked",
    "discoverable",
    "bot",
    "state",
    "created_at",
    "last_post_at",
    "posts_count",
    "followers_count",
    "following_count",
    "uri",
)

#: How many columns an account takes in a row.
ACCOUNT_WIDTH: Final = len(_COLUMNS)


def account_columns(alias: str) -> str:
    """The columns of an account, of the table ``accounts`` under ``alias``, as :func:`account_from` takes them."""
    return ", ".join(f"{alias}.{column}" for column in _COLUMNS)


ACCOUNT_COLUMNS: Final = account_columns("a")

_STATES: Final = {state.value: state for state in State}


def account_from(row: Sequence[Any]) -> Account:
    """The account in the first :data:`ACCOUNT_WIDTH` columns of ``row``."""
    fields: list[dict[str, str]] = row[6]
    return Account(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        tuple(_field(each) for each in fields) if fields else (),
        row[7],
        row[8],
        row[9],
        _STATES[row[10]],
        row[11],
        row[12],
        row[13],
        row[14],
        row[15],
        row[16],
    )


def _field(content: dict[str, str]) -> Field:
    verified = content.get("verified_at")
    return Field(
        content["name"],
        content["value"],
        content["html"],
        datetime.fromisoformat(verified) if verified else None,
    )
