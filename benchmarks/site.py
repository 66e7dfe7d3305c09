"""A site of the size that a good server has after a year: who is on it, what they wrote, whom they read.

    python -m benchmarks.site --keep DIR        builds one, says how long that took, and leaves it in DIR
    with site.large() as (server, readers): …   what other benchmarks do; ``--site DIR`` gives them one that is kept

100,000 people and 1,000,000 posts, by COPY.  Few write much and most write little, whom many follow writes more; a
quarter are replies, a seventh are boosts, a tenth name somebody, a third have tags, few of them common.  All of it is
random from one seed, so that two runs read the same.  Texts are parsed and rendered by the site's own code.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg2

from benchmarks import rig
from microblog.domain import ids, render, search, text
from microblog.services.secret_tokens import digest

PEOPLE: Final = 100_000
POSTS: Final = 1_000_000
FOLLOWS: Final = (1000, 100, 10)  #: of the readers that benchmarks read as
YEAR: Final = 365 * 86_400_000  #: milliseconds
_SEED: Final = 20_260_101
_NOBODY: Final = "zzzzzzzz"  #: stands in a text for whom it names
_MADE: Final = "benchmark-site.json"


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody to read as."""

    follows: int
    name: str
    token: str


# ------------------------------------------------------------------------------------------------ what there is to say


@dataclass(frozen=True, slots=True)
class _Text:
    """A text in COPY's writing, with :data:`_NOBODY` where somebody is named."""

    text: str
    html: str
    search: str
    tags: tuple[str, ...]
    names: bool


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _texts(chance: random.Random, count: int) -> list[_Text]:
    syllables = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "ai", "er", "on")]
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(4000)]
    often = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(words))))
    tags = [words[number].capitalize() for number in range(300, 1800)]
    tags_often = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(tags))))
    made = []
    for _ in range(count):
        said = chance.choices(words, cum_weights=often, k=min(60, 4 + int(chance.expovariate(1 / 12))))
        names = chance.random() < 0.14
        whole = " ".join(said).capitalize() + chance.choice((".", "!", "?", "…"))
        if names:
            whole = f"@{_NOBODY} {whole}"
        if chance.random() < 0.15:
            whole += (
                f" https://{chance.choice(words)}.example/{chance.choice(words)}/{chance.randint(1, 9999)}"
            )
        if chance.random() < 0.3:
            used = chance.choices(tags, cum_weights=tags_often, k=chance.randint(1, 3))
            whole += "\n\n" + " ".join(f"#{tag}" for tag in dict.fromkeys(used))
        parsed = text.parse(whole)
        html = render.html(parsed, {_NOBODY: render.MentionTarget(_NOBODY, f"/@{_NOBODY}")})
        found = " ".join(f"'{word}':{at}" for at, word in enumerate(search.document(parsed).split(), 1))
        keys = tuple(each.key for each in parsed.hashtags)
        made.append(_Text(_escaped(parsed.text), _escaped(html), found, keys, names))
    return made


# ------------------------------------------------------------------------------------------------ who, and what


def _people(chance: random.Random, count: int) -> tuple[list[str], list[float], list[float]]:
    """Names, how much each writes, and how much each is followed; by the rank of their account."""
    names = [f"{chance.choice('abcdefghijklmnoprstuvw')}{number:x}_{number % 89}" for number in range(count)]
    writing = [1 / (rank + 20) ** 0.9 for rank in range(count)]
    chance.shuffle(writing)
    followed = [weight**0.8 * chance.lognormvariate(0, 1) for weight in writing]
    return names, writing, followed


class _Posts:
    """What every post is, before it is written down: counts have to be known first."""

    def __init__(
        self, chance: random.Random, count: int, writing: Sequence[float], texts: Sequence[_Text]
    ) -> None:
        people = len(writing)
        self.author = chance.choices(range(people), cum_weights=list(itertools.accumulate(writing)), k=count)
        self.text = chance.choices(range(len(texts)), k=count)
        self.visibility = chance.choices(
            ("public", "unlisted", "followers", "direct"), weights=(84, 8, 6, 2), k=count
        )
        self.boost_of = [-1] * count
        self.reply_to = [-1] * count
        self.thread = list(range(count))
        self.named = [-1] * count
        self.replies: Counter[int] = Counter()
        self.boosts: Counter[int] = Counter()
        boosted: set[tuple[int, int]] = set()
        for number in range(100, count):
            drawn = chance.random()
            if drawn < 0.4:
                other = number - 1 - min(number - 1, int(chance.expovariate(1 / 2000)))
                while self.boost_of[other] >= 0:
                    other = self.boost_of[other]
                seen = self.visibility[other]
                pair = (other, self.author[number])
                if drawn < 0.15:
                    if seen in ("public", "unlisted") and pair not in boosted:
                        boosted.add(pair)
                        self.boost_of[number] = other
                        self.visibility[number] = seen
                        self.boosts[other] += 1
                elif seen != "direct":
                    self.reply_to[number] = other
                    self.thread[number] = self.thread[other]
                    self.named[number] = self.author[other]
                    self.replies[other] += 1
            if texts[self.text[number]].names and self.named[number] < 0 and self.boost_of[number] < 0:
                self.named[number] = chance.randrange(people)

    def __len__(self) -> int:
        return len(self.author)


def _follows(chance: random.Random, followed: Sequence[float]) -> list[tuple[int, int]]:
    """Pairs of follower and followed. Most follow a few; the readers as many as they are for."""
    people = len(followed)
    weights = list(itertools.accumulate(followed))
    pairs = []
    for follower in range(people):
        wanted = (
            FOLLOWS[follower] if follower < len(FOLLOWS) else min(400, int(chance.lognormvariate(1.5, 1)))
        )
        chosen: set[int] = set()
        while len(chosen) < wanted:
            chosen.update(chance.choices(range(people), cum_weights=weights, k=wanted - len(chosen)))
            chosen.discard(follower)
        pairs += [(follower, each) for each in sorted(chosen)]
    return pairs


# ------------------------------------------------------------------------------------------------ into the database


class _Lines:
    """What COPY reads, made as it is read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)

    def read(self, size: int = -1) -> str:
        return "".join(itertools.islice(self._lines, 2000))


def _copy(cursor: Any, table: str, columns: str, lines: Iterable[str]) -> None:
    cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", _Lines(lines))


@contextmanager
def _bare_tables(cursor: Any) -> Iterator[None]:
    """Without foreign keys and indexes while the block runs: building them at the end is several times faster."""
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
    chance = random.Random(_SEED)
    texts = _texts(chance, 5000)
    names, writing, followed = _people(chance, people)
    names[: len(FOLLOWS)] = [f"reader_{count}" for count in FOLLOWS]
    made = _Posts(chance, posts, writing, texts)
    follows = _follows(chance, followed)
    likes = {
        (chance.randrange(people), number)
        for number in chance.choices(range(len(made)), k=posts // 3)
        if made.boost_of[number] < 0 and made.visibility[number] == "public"
    }
    readers = tuple(Reader(count, f"reader_{count}", f"benchmark-reader-{count}") for count in FOLLOWS)

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
            for number, reader in enumerate(readers):
                cursor.execute(
                    "INSERT INTO tokens (token_hash, account_id, scopes) VALUES (%s, %s, '{read,write}')",
                    (digest(reader.token), account(number)),
                )
    database.autocommit = True
    with database.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    return readers


def _time(post_id: str) -> str:
    return ids.time_of(int(post_id)).isoformat()


def _write_people(
    cursor: Any,
    names: Sequence[str],
    account_ids: Sequence[str],
    made: _Posts,
    follows: Sequence[tuple[int, int]],
    begun: int,
) -> None:
    counts = Counter(made.author)
    following = Counter(who for who, _ in follows)
    followers = Counter(whom for _, whom in follows)
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
            f"{ids.snowflake(begun + number, number & 0xFFFF)}\t{account_ids[who]}\t{account_ids[whom]}\tt\n"
            for number, (who, whom) in enumerate(follows)
        ),
    )


def _write_posts(
    cursor: Any,
    names: Sequence[str],
    account_ids: Sequence[str],
    post_ids: Sequence[str],
    made: _Posts,
    texts: Sequence[_Text],
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
                words, html = words.replace(_NOBODY, name), html.replace(_NOBODY, name)
                found = found.replace(_NOBODY, name)
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


# ------------------------------------------------------------------------------------------------ a server of it


def connect(server: rig.Site) -> Any:
    """A connection of its own to the database of ``server``, as its owner."""
    [pid_file] = server.folder.glob("**/postmaster.pid")
    return psycopg2.connect(host=pid_file.read_text().splitlines()[4], user="microblog", dbname="microblog")


@contextmanager
def large(
    kept: Path | None = None,
    *,
    cores: set[int] | None = None,
    say: Callable[[str], object] = print,
    **settings: str,
) -> Iterator[tuple[rig.Site, tuple[Reader, ...]]]:
    """A running server of the large site: that in ``kept``, built there first if there is none, else a passing one.

    ``cores``: those that server and database may use.
    """
    with ExitStack() as stack:
        folder = kept if kept is not None else stack.enter_context(rig.folder())
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        server = rig.Site(folder / "var")
        server.folder.mkdir(exist_ok=True)
        made = folder / _MADE
        if not made.exists():
            _build(server, made, say)
        server.start({name.replace("_", "-"): value for name, value in settings.items()}, cores=cores)
        assert server.process is not None
        stack.callback(rig.stop, server.process)
        yield server, tuple(Reader(*each) for each in json.loads(made.read_text()))


def _build(server: rig.Site, made: Path, say: Callable[[str], object]) -> None:
    begun = time.monotonic()
    server.start({"roles": "web"})
    assert server.process is not None
    try:
        with contextlib.closing(connect(server)) as database:
            readers = fill(database)
    finally:
        rig.stop(server.process)
    made.write_text(json.dumps([(each.follows, each.name, each.token) for each in readers]))
    say(f"  site        {PEOPLE:,} people and {POSTS:,} posts, built in {time.monotonic() - begun:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description="Builds a large site for the benchmarks.")
    parser.add_argument(
        "--keep", type=Path, required=True, help="the folder to leave it in; one that is there stays"
    )
    given = parser.parse_args()
    rig.tell("A large site", (f"in          {given.keep}",))
    with large(given.keep):
        pass


if __name__ == "__main__":
    main()
