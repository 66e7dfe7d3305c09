"""The sample content looks as if it had been there for a month."""

from __future__ import annotations

from collections import Counter

from microblog.services import demo
from microblog.services.microblog import Microblog


async def test_favourites_spread_over_the_days_after_their_posts(empty_site: Microblog) -> None:
    filled = await demo.fill(empty_site)
    async with empty_site.db.transaction() as tx:
        cursor = await tx.run(
            "SELECT f.id >> 16, p.id >> 16 FROM favourites f JOIN posts p ON p.id = f.post_id"
        )
        rows = cursor.fetchall()
    assert len(rows) == filled.favourites
    now = empty_site.now().timestamp() * 1000
    assert all(posted <= favourited <= now + 1000 for favourited, posted in rows)
    days = Counter(favourited // 86_400_000 for favourited, _ in rows)
    assert len(days) > 15
    assert max(days.values()) < len(rows) / 4
