"""Filters: words and posts that somebody does not want to meet, or only behind a warning.

A filter applies in its contexts until it expires. Words are looked for in the text and the warning of a post, without
regard to case. Nobody's own posts are filtered for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

from microblog.domain.errors import InvalidInput
from microblog.domain.posts import Post
from microblog.domain.text import normalise, one_line

FILTERS_MOST: Final = 100  #: of one person
KEYWORDS_MOST: Final = 100  #: of one filter
POSTS_MOST: Final = 1000  #: of one filter
TITLE_MOST: Final = 255
KEYWORD_MOST: Final = 512


class Context(StrEnum):
    HOME = "home"  #: home and lists
    NOTIFICATIONS = "notifications"
    PUBLIC = "public"  #: public timelines, tags, search
    THREAD = "thread"
    ACCOUNT = "account"  #: profiles


class Action(StrEnum):
    WARN = "warn"
    HIDE = "hide"
    BLUR = "blur"  #: pictures alone, where a site has them


@dataclass(frozen=True, slots=True)
class Keyword:
    id: int
    keyword: str
    whole_word: bool


@dataclass(frozen=True, slots=True)
class FilterPost:
    """A single post that a filter is about."""

    id: int
    post_id: int


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of somebody's."""

    id: int
    title: str
    contexts: tuple[Context, ...]
    action: Action
    expires_at: datetime | None
    keywords: tuple[Keyword, ...]
    posts: tuple[FilterPost, ...]

    def match(self, post: Post) -> FilterResult | None:
        """What of it a post meets; None when it meets nothing."""
        shown = post.content
        words = _pattern(tuple((each.keyword, each.whole_word) for each in self.keywords))
        found: tuple[str, ...] = ()
        if words is not None:
            text = normalise(f"{shown.summary}\n{shown.text}")
            found = tuple(dict.fromkeys(match.group() for match in words.finditer(text)))
        ids = tuple(each.post_id for each in self.posts if each.post_id in (shown.id, post.id))
        return FilterResult(self, found, ids) if found or ids else None


@dataclass(frozen=True, slots=True)
class FilterResult:
    """Why a post is filtered: the words as they stand in it, the posts that were named."""

    filter: Filter
    keywords: tuple[str, ...]
    post_ids: tuple[int, ...]


def results(filters: Iterable[Filter], post: Post, viewer_id: int) -> tuple[FilterResult, ...]:
    """What of ``filters``, which apply, a post meets."""
    if post.content.author.id == viewer_id:
        return ()
    found = (each.match(post) for each in filters)
    return tuple(each for each in found if each is not None)


def hidden(found: Sequence[FilterResult]) -> bool:
    """Whether one of them says that the post is not to be shown at all."""
    return any(each.filter.action is Action.HIDE for each in found)


@lru_cache(maxsize=512)
def _pattern(keywords: tuple[tuple[str, bool], ...]) -> re.Pattern[str] | None:
    if not keywords:
        return None
    # The longest first: of two that begin alike the longer one is what was met.
    ordered = sorted(keywords, key=lambda pair: -len(pair[0]))
    return re.compile("|".join(_word(normalise(word), whole) for word, whole in ordered), re.IGNORECASE)


def _word(word: str, whole: bool) -> str:
    """Words end where letters do; a keyword that ends with a sign ends there by itself."""
    pattern = re.escape(word)
    if whole:
        if re.match(r"\w", word):
            pattern = r"(?<!\w)" + pattern
        if re.search(r"\w\Z", word):
            pattern += r"(?!\w)"
    return pattern


def filter_title(written: str) -> str:
    """Raises InvalidInput (field "title")."""
    title = one_line(written[: 4 * TITLE_MOST], TITLE_MOST).strip()
    if not title:
        raise InvalidInput("Give the filter a title.", "title", "blank")
    return title


def filter_contexts(written: Iterable[str]) -> tuple[Context, ...]:
    """Raises InvalidInput (field "context")."""
    chosen = set(written)
    if not chosen:
        raise InvalidInput("Choose where the filter applies.", "context", "blank")
    if not chosen <= set(Context):
        raise InvalidInput(
            "A filter applies to home, notifications, public, thread or account.", "context", "inclusion"
        )
    return tuple(each for each in Context if each.value in chosen)


def filter_action(written: str) -> Action:
    """Raises InvalidInput (field "filter_action")."""
    if written not in set(Action):
        raise InvalidInput("A filter can warn, hide or blur.", "filter_action", "inclusion")
    return Action(written)


def filter_keyword(written: str) -> str:
    """Raises InvalidInput (field "keyword")."""
    keyword = " ".join(normalise(written[: 4 * KEYWORD_MOST]).split())
    if not keyword:
        raise InvalidInput("Write the word to look for.", "keyword", "blank")
    if len(keyword) > KEYWORD_MOST:
        raise InvalidInput(f"A keyword has at most {KEYWORD_MOST} characters.", "keyword", "too_long")
    return keyword
