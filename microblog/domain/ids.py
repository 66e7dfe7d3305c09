"""Ids: Mastodon's snowflakes, ``milliseconds since 1970 << 16 | sequence``.

Clients of the Mastodon protocol compare ids as numbers and use them to page by date, so the upper bits of an id are
its time. A sequence of the database distinguishes the ids of one millisecond.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

SEQUENCE_BITS: Final = 16
MAX_ID: Final = 2**63 - 1
"""The largest bigint; as a time it is the year 6429."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_DIGITS = re.compile(r"[0-9]{1,19}")


def snowflake(milliseconds: int, sequence: int) -> int:
    """Return the id for a time in milliseconds since 1970 and the lower 16 bits of a sequence number.

    Raises ValueError for a time that an id can't hold.
    """
    if not 0 <= milliseconds <= MAX_ID >> SEQUENCE_BITS:
        raise ValueError(f"{milliseconds} ms can't be in an id: they go from 0 to {MAX_ID >> SEQUENCE_BITS}")
    return milliseconds << SEQUENCE_BITS | sequence & (1 << SEQUENCE_BITS) - 1


def time_of(snowflake_id: int) -> datetime:
    """Return the UTC time at which an id was created, to the millisecond."""
    return _EPOCH + (snowflake_id >> SEQUENCE_BITS) * _MILLISECOND


def first_at(moment: datetime) -> int:
    """Return the smallest id that can be created at or after ``moment``. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone is no moment")
    # Rounded up: an id of the same millisecond may have been made before the moment.
    milliseconds = -((_EPOCH - moment) // _MILLISECOND)
    return snowflake(min(max(milliseconds, 0), MAX_ID >> SEQUENCE_BITS), 0)


def parse_id(raw: str) -> int | None:
    """Return the id that a client sent, or None unless it is ASCII digits and below 2**63."""
    if not _DIGITS.fullmatch(raw):
        return None
    number = int(raw)
    return number if number <= MAX_ID else None
