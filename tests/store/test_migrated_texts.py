"""Migrations that change stored texts leave what a new text would get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import microblog.store
from microblog.domain import normalisation, render
from microblog.domain.links import address_token
from microblog.domain.text import hashtag_key, parse
from microblog.store.engine.database import Database
from tests.factories import create_viewer

MIGRATIONS = Path(microblog.store.__file__).parent / "migrations"


async def migrate(db: Database, name: str) -> None:
    async with db.transaction() as tx:
        await tx.run((MIGRATIONS / name).read_text(encoding="utf-8"))


async def rows(db: Database, sql: str, *parameters: Any) -> list[Any]:
    async with db.transaction() as tx:
        cursor = await tx.run(sql, parameters or None)
        found: list[Any] = cursor.fetchall()
        return found


async def test_links_of_stored_profile_fields_get_their_relation(db: Database) -> None:
    ann = await create_viewer(db, "ann")
    fields = [
        {"name": name, "value": value, "html": render.html(parse(value), {})[3:-4]}
        for name, value in (("Site", "https://ann.example/x"), ("Text", 'rel="nofollow noopener ugc"'))
    ]
    async with db.transaction() as tx:
        await tx.run("UPDATE accounts SET fields = %s WHERE id = %s", (json.dumps(fields), ann.id))
    for _ in range(2):
        await migrate(db, "0030_links.sql")
        [(stored,)] = await rows(db, "SELECT fields FROM accounts WHERE id = %s", ann.id)
        assert [each["html"] for each in stored] == [
            render.field(parse(each["value"]), {}) for each in fields
        ]


@pytest.mark.parametrize(
    "before",
    [["i\u0307stanbul", "istanbul"], ["\u0131sparta"], ["\u0662\u0660\u0662\u0664سنة"], ["tea", "日本"]],
)
async def test_stored_hashtags_get_the_key_of_new_ones(db: Database, before: list[str]) -> None:
    ann = await create_viewer(db, "ann")
    after = list(dict.fromkeys(normalisation.fold(each) for each in before))
    assert after == list(dict.fromkeys(hashtag_key(each) for each in before))
    async with db.transaction() as tx:
        cursor = await tx.run(
            "INSERT INTO posts (id, thread_id, author_id, visibility, text, html, tags) "
            "SELECT x, x, %s, 'public', 'x', '<p>x</p>', %s FROM snowflake() x RETURNING id",
            (ann.id, before),
        )
        [(post_id,)] = cursor.fetchall()
        for tag in before:
            await tx.run("INSERT INTO post_tags (tag, post_id) VALUES (%s, %s)", (tag, post_id))
            await tx.run("INSERT INTO tags (tag, shown, posts_count) VALUES (%s, %s, 1)", (tag, tag))
            await tx.run("INSERT INTO followed_tags (account_id, tag) VALUES (%s, %s)", (ann.id, tag))
            await tx.run(
                "INSERT INTO featured_tags (account_id, tag, shown) VALUES (%s, %s, %s)", (ann.id, tag, tag)
            )
    await migrate(db, "0031_fold_of_hashtags.sql")
    assert await rows(db, "SELECT tags FROM posts WHERE id = %s", post_id) == [(after,)]
    for table in ("post_tags", "tags", "followed_tags", "featured_tags"):
        assert sorted(await rows(db, f"SELECT tag FROM {table}")) == sorted((each,) for each in after)


ADDRESSES = [
    "https://example.org",
    "http://example.org/",
    "https://example.org/a?b=1&c=2#d",
    "https://example.org/a/",
    "https://example.org/?q=/",
    "https://bücher.example/ä'(b)",
]


async def test_stored_posts_are_found_by_the_addresses_in_them(db: Database) -> None:
    ann = await create_viewer(db, "ann")
    async with db.transaction() as tx:
        for address in ADDRESSES:
            await tx.run(
                "INSERT INTO posts (id, thread_id, author_id, visibility, text, html, search) "
                "SELECT x, x, %s, 'public', %s, %s, 'old' FROM snowflake() x",
                (ann.id, address, render.html(parse(address), {})),
            )
    await migrate(db, "0030_links.sql")
    for address in ADDRESSES:
        token = address_token(parse(address).links[0].url)
        found = await rows(db, "SELECT text FROM posts WHERE search @@ to_tsquery('simple', %s)", token)
        assert (address,) in found, address
