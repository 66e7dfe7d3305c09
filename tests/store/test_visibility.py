"""The visibility rule in SQL says what the domain's says: every combination there is, on a real database."""

from __future__ import annotations

import itertools
from typing import Any

from microblog.domain.visibility import ViewerRelation, Visibility, may_see
from microblog.store.engine.database import Database
from microblog.store.posts.reading import posts
from microblog.store.posts.writing import NewPost, StoredMention, encoded, writing
from tests.factories import create_viewer


async def write(db: Database, author_id: int, visibility: Visibility, mentioned: list[int]) -> int:
    mentions = tuple(StoredMention(id=each, name=f"a{each}", domain=None) for each in mentioned)
    new = NewPost(
        author_id=author_id,
        visibility=visibility,
        text="x",
        html="<p>x</p>",
        summary="",
        sensitive=False,
        language=None,
        mentions=mentions,
        tags=(),
        search="",
    )
    async with db.transaction() as tx:
        [inserted] = await writing(tx).insert(encoded([new]))
    return int(inserted.ids[0])


async def run(db: Database, sql: str, *parameters: Any) -> None:
    async with db.transaction() as tx:
        await tx.run(sql, parameters)


async def test_sql_and_domain_agree_for_every_standing(db: Database) -> None:
    author = await create_viewer(db, "author")
    cases = []
    standings = itertools.product((False, True), repeat=3)
    for number, (mentioned, follows, blocked) in enumerate(standings):
        viewer = await create_viewer(db, f"viewer{number}")
        if follows:
            await run(
                db,
                "INSERT INTO follows (follower_id, followee_id, accepted) VALUES (%s, %s, true)",
                viewer.id,
                author.id,
            )
        else:  # a follow that waits for approval is none
            await run(
                db,
                "INSERT INTO follows (follower_id, followee_id, accepted) VALUES (%s, %s, false)",
                viewer.id,
                author.id,
            )
        if blocked:
            await run(db, "INSERT INTO blocks (account_id, target_id) VALUES (%s, %s)", author.id, viewer.id)
        cases.append((viewer.id, ViewerRelation(False, mentioned, follows, blocked)))
    cases.append((author.id, ViewerRelation(is_author=True)))
    named = [viewer_id for viewer_id, relation in cases if relation.is_mentioned]
    for visibility in Visibility:
        post_id = await write(db, author.id, visibility, named)
        for viewer_id, relation in [*cases, (None, ViewerRelation())]:
            found = await posts(db.reads).visible(post_id, viewer_id)
            assert (found is not None) == may_see(visibility, relation), (visibility, relation)
    await run(db, "UPDATE accounts SET state = 'suspended' WHERE id = %s", author.id)
    for viewer_id, _ in [*cases, (None, ViewerRelation())]:
        assert await posts(db.reads).visible(post_id, viewer_id) is None
