"""The rows of a large site, which COPY writes into tables whose indexes and foreign keys are built at the end."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from benchmarks.invention import (
    NOBODY,
    READERS,
    Posts,
    Reader,
    Text,
    follows_of,
    invent_texts,
    people_of,
    quietest,
)
from microblog.domain import ids
from microblog.services.secret_tokens import digest

PEOPLE: Final = 100_000
POSTS: Final = 1_000_000
YEAR: Final = 365 * 86_400_000  #: milliseconds
SEED: Final = 20_260_101


class _Lines:
    """A file for COPY whose lines are made while it is read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)

    def read(self, size: int = -1) -> str:
        return "".join(itertools.islice(self._lines, 2000))


def _copy(cursor: Any, table: str, columns: str, lines: Iterable[str]) -> None:
    cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", _Lines(lines))


@contextmanager
def _bare_tables(cursor: Any) -> Iterator[None]:
    """Drop foreign keys and indexes while the block runs. Building them at the end is several times faster."""
    cursor.execute(
        "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    )
    keys = cursor.fetchall()
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid::regclass::text IN ('accounts', 'posts', 'post_tags', 'mentions', 'follows', 'favourites') "
        "AND NOT indisprimary AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"
    )
    indexes = cursor.fetchall()
    for table, name, _ in keys:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    cursor.execute("SET maintenance_work_mem = '512MB'")
    for _, definition in indexes:
        cursor.execute(definition)
    for table, name, definition in keys:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def fill(database: Any, *, people: int = PEOPLE, posts: int = POSTS) -> tuple[Reader, ...]:
    """Fill the migrated, empty ``database`` (a psycopg2 connection of its owner)."""
    chance = random.Random(SEED)
    texts = invent_texts(chance, 5000)
    names, writing, followed = people_of(chance, people)
    names[: len(READERS)] = [each.name for each in READERS]
    made = Posts(chance, posts, writing, texts)
    follows = follows_of(chance, followed, quietest(made.author))
    likes = {
        (chance.randrange(people), number)
        for number in chance.choices(range(len(made)), k=posts // 3)
        if made.boost_of[number] < 0 and made.visibility[number] == "public"
    }

    begun = int(time.time() * 1000) - YEAR
    step = YEAR / posts

    def account(number: int) -> int:
        return ids.snowflake(begun - 86_400_000 - people + number, number & 0xFFFF)

    def post(number: int) -> int:
        return ids.snowflake(begun + int(number * step), number & 0xFFFF)

    # Ids and times are written out so often that they are written once.
    account_ids = [str(account(number)) for number in range(people)]
    post_ids = [str(post(number)) for number in range(posts)]
    with database, database.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        with _bare_tables(cursor):
            _write_people(cursor, names, account_ids, made, follows, begun)
            _write_posts(cursor, names, account_ids, post_ids, made, texts, Counter(n for _, n in likes))
            unique = (str(ids.snowflake(begun + number, number & 0xFFFF)) for number in itertools.count())
            _copy(
                cursor,
                "favourites",
                "id, account_id, post_id",
                (f"{next(unique)}\t{account_ids[who]}\t{post_ids[what]}\n" for who, what in sorted(likes)),
            )
            for number, reader in enumerate(READERS):
                cursor.execute(
                    "INSERT INTO tokens (token_hash, account_id, scopes) VALUES (%s, %s, '{read,write}')",
                    (digest(reader.token), account(number)),
                )
    database.autocommit = True
    with database.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    return READERS


def _time(post_id: str) -> str:
    return ids.time_of(int(post_id)).isoformat()


def _write_people(
    cursor: Any,
    names: Sequence[str],
    account_ids: Sequence[str],
    made: Posts,
    follows: Sequence[tuple[int, int]],
    begun: int,
) -> None:
    counts = Counter(made.author)
    following = Counter(who for who, _ in follows)
    followers = Counter(followed for _, followed in follows)
    since = datetime.fromtimestamp(begun / 1000, UTC).isoformat()
    _copy(
        cursor,
        "accounts",
        "id, name, display_name, bio, bio_html, created_at, last_post_at, "
        "posts_count, followers_count, following_count",
        (
            f"{account_ids[number]}\t{name}\t{name.capitalize()}\tSays this and that.\t<p>Says this and that.</p>\t"
            f"{since}\t{since}\t{counts[number]}\t{followers[number]}\t{following[number]}\n"
            for number, name in enumerate(names)
        ),
    )
    _copy(
        cursor,
        "users",
        "account_id, email, password_hash",
        (f"{account_ids[number]}\t{name}@example.org\tnone\n" for number, name in enumerate(names)),
    )
    _copy(
        cursor,
        "follows",
        "id, follower_id, followee_id, accepted",
        (
            f"{ids.snowflake(begun + number, number & 0xFFFF)}\t{account_ids[follower]}\t{account_ids[followed]}\tt\n"
            for number, (follower, followed) in enumerate(follows)
        ),
    )


def _write_posts(
    cursor: Any,
    names: Sequence[str],
    account_ids: Sequence[str],
    post_ids: Sequence[str],
    made: Posts,
    texts: Sequence[Text],
    likes: Counter[int],
) -> None:
    def line(number: int) -> str:
        post_id, author = post_ids[number], account_ids[made.author[number]]
        head = f"{post_id}\t{author}\t{made.visibility[number]}\t{_time(post_id)}\t"
        if (boosted := made.boost_of[number]) >= 0:
            return f"{head}\t\t\\N\t{post_ids[boosted]}\t\\N\t\\N\t\\N\t{post_id}\t[]\t{{}}\t{{}}\t0\t0\t0\t\\N\n"
        said = texts[made.text[number]]
        words, html, found = said.text, said.html, said.search
        mentions, mentioned = "[]", ""
        if (named := made.named[number]) >= 0:
            name, mentioned = names[named], account_ids[named]
            mentions = f'[{{"id": {mentioned}, "name": "{name}", "domain": null}}]'
            if said.names:
                words, html = words.replace(NOBODY, name), html.replace(NOBODY, name)
                found = found.replace(NOBODY, name)
        parent = made.reply_to[number]
        if parent >= 0:
            answered = made.author[parent]
            reply = f"{post_ids[parent]}\t{account_ids[answered]}\t{names[answered]}"
        else:
            reply = "\\N\t\\N\t\\N"
        return (
            f"{head}{words}\t{html}\ten\t\\N\t{reply}\t{post_ids[made.thread[number]]}\t{mentions}\t{{{mentioned}}}\t"
            f"{{{','.join(said.tags)}}}\t{made.replies[number]}\t{made.boosts[number]}\t{likes[number]}\t{found}\n"
        )

    _copy(
        cursor,
        "posts",
        "id, author_id, visibility, created_at, text, html, language, boost_of_id, reply_to_id, reply_to_account_id, "
        "reply_to_name, thread_id, mentions, mentioned_ids, tags, replies_count, boosts_count, favourites_count, "
        "search",
        map(line, range(len(made))),
    )
    written = [number for number in range(len(made)) if made.boost_of[number] < 0]
    _copy(
        cursor,
        "post_tags",
        "tag, post_id",
        (f"{tag}\t{post_ids[number]}\n" for number in written for tag in texts[made.text[number]].tags),
    )
    _copy(
        cursor,
        "mentions",
        "account_id, post_id",
        (
            f"{account_ids[made.named[number]]}\t{post_ids[number]}\n"
            for number in written
            if made.named[number] >= 0
        ),
    )
