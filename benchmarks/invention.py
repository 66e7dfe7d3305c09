"""Invented accounts, posts and follows of a large site: random, and equal for equal seeds."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from microblog.domain import render, search, text

NOBODY: Final = "zzzzzzzz"  #: stands in a text for the mentioned account


@dataclass(frozen=True, slots=True)
class Reader:
    """A viewer to measure with."""

    follows: int
    name: str
    token: str
    quiet: bool = False  #: whether the accounts it follows wrote their last posts long ago

    @property
    def label(self) -> str:
        return f"{self.follows:,} quiet" if self.quiet else f"{self.follows:,} follows"


READERS: Final = (
    *(Reader(count, f"reader_{count}", f"benchmark-reader-{count}") for count in (1000, 100, 10)),
    *(Reader(count, f"quiet_{count}", f"benchmark-quiet-{count}", True) for count in (1000, 10)),
)


@dataclass(frozen=True, slots=True)
class Text:
    """A text in COPY's format, with :data:`NOBODY` for a mentioned account."""

    text: str
    html: str
    search: str
    tags: tuple[str, ...]
    names: bool


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def invent_texts(chance: random.Random, count: int) -> list[Text]:
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
            whole = f"@{NOBODY} {whole}"
        if chance.random() < 0.15:
            whole += (
                f" https://{chance.choice(words)}.example/{chance.choice(words)}/{chance.randint(1, 9999)}"
            )
        if chance.random() < 0.3:
            used = chance.choices(tags, cum_weights=tags_often, k=chance.randint(1, 3))
            whole += "\n\n" + " ".join(f"#{tag}" for tag in dict.fromkeys(used))
        parsed = text.parse(whole)
        html = render.html(parsed, {NOBODY: render.MentionTarget(NOBODY, f"/@{NOBODY}")})
        found = " ".join(f"'{word}':{at}" for at, word in enumerate(search.document(parsed).split(), 1))
        keys = tuple(each.key for each in parsed.hashtags)
        made.append(Text(_escaped(parsed.text), _escaped(html), found, keys, names))
    return made


def people_of(chance: random.Random, count: int) -> tuple[list[str], list[float], list[float]]:
    """Names, numbers of posts and of followers, by the rank of the account."""
    names = [f"{chance.choice('abcdefghijklmnoprstuvw')}{number:x}_{number % 89}" for number in range(count)]
    writing = [1 / (rank + 20) ** 0.9 for rank in range(count)]
    chance.shuffle(writing)
    followed = [weight**0.8 * chance.lognormvariate(0, 1) for weight in writing]
    return names, writing, followed


class Posts:
    """The kind of every post, decided before any is written, because counters must be known first."""

    def __init__(
        self, chance: random.Random, count: int, writing: Sequence[float], texts: Sequence[Text]
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


def quietest(authors: Sequence[int]) -> list[int]:
    """Return accounts with at least three posts, those with the oldest last post first."""
    last = {author: number for number, author in enumerate(authors)}
    wrote = Counter(authors)
    return sorted((each for each in last if wrote[each] >= 3), key=last.__getitem__)


def follows_of(
    chance: random.Random, followed: Sequence[float], quiet: Sequence[int]
) -> list[tuple[int, int]]:
    """Return pairs of follower and followed account. Most follow a few, the viewers as many as they need."""
    people = len(followed)
    weights = list(itertools.accumulate(followed))
    pairs = []
    for follower in range(people):
        reader = READERS[follower] if follower < len(READERS) else None
        if reader is not None and reader.quiet:
            pairs += [(follower, each) for each in quiet[: reader.follows] if each != follower]
            continue
        wanted = reader.follows if reader is not None else min(400, int(chance.lognormvariate(1.5, 1)))
        chosen: set[int] = set()
        while len(chosen) < wanted:
            chosen.update(chance.choices(range(people), cum_weights=weights, k=wanted - len(chosen)))
            chosen.discard(follower)
        pairs += [(follower, each) for each in sorted(chosen)]
    return pairs
