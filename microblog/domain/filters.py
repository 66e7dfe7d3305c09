"""Filters: keywords and posts that an account wants hidden or behind a warning.

A filter applies in its contexts until it expires. `matching` searches the text and the warning of a post for
its keywords. An account's own posts are never filtered for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from microblog.domain.errors import InvalidInput
from microblog.domain.matching import Needle, PostText, find_keywords
from microblog.domain.posts import Post
from microblog.domain.text import normalise, one_line

FILTERS_MOST: Final = 100  #: of one account
KEYWORDS_MOST: Final = 100  #: of one filter
POSTS_MOST: Final = 1000  #: of one filter
KEYWORDS_OF_ACCOUNT: Final = 1000  #: of all filters of an account; each is searched in each post it reads
CHARACTERS_OF_ACCOUNT: Final = 20_000  #: of all these keywords together
POSTS_OF_ACCOUNT: Final = 5000  #: single posts in all filters of an account
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
    """A single post that a filter names."""

    id: int
    post_id: int


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of an account."""

    id: int
    title: str
    contexts: tuple[Context, ...]
    action: Action
    expires_at: datetime | None
    keywords: tuple[Keyword, ...]
    posts: tuple[FilterPost, ...]

    def match(self, post: Post) -> FilterResult | None:
        """Return the keywords and posts of the filter that match ``post``, or None."""
        return Compiled.of(self).match(post, prepared(post))


@dataclass(frozen=True, slots=True)
class FilterResult:
    """The match of a filter: the keywords as written in the post, and the ids of the named posts."""

    filter: Filter
    keywords: tuple[str, ...]
    post_ids: tuple[int, ...]


def prepared(post: Post) -> PostText:
    """Prepare the text and the warning of a post, once for all filters."""
    shown = post.content
    return PostText(f"{shown.summary}\n{shown.text}" if shown.summary else shown.text)


def results(
    filters: Iterable[Filter | Compiled], post: Post, viewer_id: int, text: PostText | None = None
) -> tuple[FilterResult, ...]:
    """Return the results of ``filters`` for a post. ``text`` is the prepared text of the post, if there is one."""
    if post.content.author.id == viewer_id:
        return ()
    if text is None:
        text = prepared(post)
    compiled = (Compiled.of(each) if isinstance(each, Filter) else each for each in filters)
    met = (each.match(post, text) for each in compiled)
    return tuple(each for each in met if each is not None)


def hidden(found: Sequence[FilterResult]) -> bool:
    """Return whether one of the results hides the post."""
    return any(each.filter.action is Action.HIDE for each in found)


def within_budget(filters: Iterable[Filter]) -> list[Filter]:
    """Return the filters of an account within its budget, oldest first. Rows may be older than the budget."""
    words, characters, posts = KEYWORDS_OF_ACCOUNT, CHARACTERS_OF_ACCOUNT, POSTS_OF_ACCOUNT
    bounded: list[Filter] = []
    for each in filters:
        chosen = []
        for keyword in each.keywords[:words]:
            characters -= len(keyword.keyword)
            if characters < 0:
                break
            chosen.append(keyword)
        words = words - len(chosen) if characters >= 0 else 0
        single = each.posts[:posts]
        posts -= len(single)
        if len(chosen) < len(each.keywords) or len(single) < len(each.posts):
            each = replace(each, keywords=tuple(chosen), posts=single)  # noqa: PLW2901
        bounded.append(each)
    return bounded


@dataclass(frozen=True, slots=True)
class Compiled:
    """A filter prepared for matching."""

    filter: Filter
    needles: tuple[Needle, ...]
    post_ids: frozenset[int]

    @classmethod
    def of(cls, chosen: Filter) -> Compiled:
        needles = (Needle.of(each.keyword, each.whole_word) for each in chosen.keywords)
        return cls(
            chosen,
            tuple(each for each in needles if each.folded),
            frozenset(each.post_id for each in chosen.posts),
        )

    def match(self, post: Post, text: PostText) -> FilterResult | None:
        """Return the keywords and posts of the filter that match ``post``, or None."""
        words = find_keywords(self.needles, text)
        ids = tuple(each for each in dict.fromkeys((post.content.id, post.id)) if each in self.post_ids)
        return FilterResult(self.filter, words, ids) if words or ids else None


class Compilations:
    """A cache of compiled filters, least recently used first. ``most`` bounds the characters of their keywords.

    A filter that was changed is compiled again.
    """

    def __init__(self, most: int = 1_000_000) -> None:
        self._most = most
        self._held = 0
        self._compiled: OrderedDict[int, Compiled] = OrderedDict()

    def __len__(self) -> int:
        return len(self._compiled)

    def of(self, chosen: Filter) -> Compiled:
        known = self._compiled.get(chosen.id)
        if known is not None:
            if known.filter == chosen:
                self._compiled.move_to_end(chosen.id)
                return known
            self._held -= _size(known.filter)
            del self._compiled[chosen.id]
        made = self._compiled[chosen.id] = Compiled.of(chosen)
        self._held += _size(chosen)
        while self._held > self._most:
            _, oldest = self._compiled.popitem(last=False)
            self._held -= _size(oldest.filter)
        return made


def _size(chosen: Filter) -> int:
    return sum(len(each.keyword) + 20 for each in chosen.keywords) + len(chosen.posts) + 20


def filter_title(written: str) -> str:
    """Return the title to store. Raises InvalidInput (field "title")."""
    title = one_line(written[: 4 * TITLE_MOST], TITLE_MOST).strip()
    if not title:
        raise InvalidInput("Give the filter a title.", "title", "blank")
    return title


def filter_contexts(written: Iterable[str]) -> tuple[Context, ...]:
    """Return the contexts in their order. Raises InvalidInput (field "context")."""
    chosen = set(written)
    if not chosen:
        raise InvalidInput("Choose where the filter applies.", "context", "blank")
    if not chosen <= set(Context):
        raise InvalidInput(
            "A filter applies to home, notifications, public, thread or account.", "context", "inclusion"
        )
    return tuple(each for each in Context if each.value in chosen)


def filter_action(written: str) -> Action:
    """Return the action with that name. Raises InvalidInput (field "filter_action")."""
    if written not in set(Action):
        raise InvalidInput("A filter can warn, hide or blur.", "filter_action", "inclusion")
    return Action(written)


def filter_keyword(written: str) -> str:
    """Return the keyword to store. Raises InvalidInput (field "keyword")."""
    keyword = normalise(" ".join(written[: 4 * KEYWORD_MOST].split()))
    if not keyword:
        raise InvalidInput("Write the word to look for.", "keyword", "blank")
    if len(keyword) > KEYWORD_MOST:
        raise InvalidInput(f"A keyword has at most {KEYWORD_MOST} characters.", "keyword", "too_long")
    return keyword
