"""The live readers of home and of lists, by the authors and hashtags that they follow.

A post asks only the readers who follow its author or one of its tags, however many others read their homes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import TypeVar

from microblog.domain.events import Event, Kind
from microblog.domain.streams import Relationships
from microblog.domain.visibility import Visibility

K = TypeVar("K")


class Followed:
    """An index of viewers. A viewer's relationships are those under which it is found."""

    def __init__(self) -> None:
        self._ties: dict[int, Relationships] = {}
        self._by_author: dict[int, set[int]] = {}
        self._by_tag: dict[str, set[int]] = {}

    def __len__(self) -> int:
        return len(self._ties)

    def __contains__(self, viewer_id: int) -> bool:
        return viewer_id in self._ties

    def put(self, relationships: Relationships) -> None:
        """Find a viewer by these relationships from now on."""
        before = self._ties.get(relationships.id)
        if before is relationships:
            return
        self._ties[relationships.id] = relationships
        if before is None:
            self._change(
                relationships.id,
                chain((relationships.id,), relationships.follows),
                (),
                relationships.tags,
                (),
            )
            return
        old, new = (
            before.follows.keys() - {relationships.id},
            relationships.follows.keys() - {relationships.id},
        )
        self._change(
            relationships.id,
            new - old,
            old - new,
            relationships.tags - before.tags,
            before.tags - relationships.tags,
        )

    def drop(self, viewer_id: int) -> None:
        """Find a viewer no more."""
        relationships = self._ties.pop(viewer_id, None)
        if relationships is not None:
            self._change(viewer_id, (), {viewer_id, *relationships.follows}, (), relationships.tags)

    def viewers(self, event: Event) -> Iterable[int]:
        """Return the viewers at whose home, or in whose lists, an event about a post may belong, each once."""
        if event.kind is Kind.RELATION:
            return () if event.recipient_id is None else (event.recipient_id,)
        audience = event.audience
        if audience is None:
            return ()
        authors = self._by_author.get(audience.author_id, ())
        if audience.is_boost or audience.visibility is not Visibility.PUBLIC:
            return authors
        tagged = [found for tag in audience.tags if (found := self._by_tag.get(tag))]
        return set(authors).union(*tagged) if tagged else authors

    def _change(
        self,
        viewer_id: int,
        follows: Iterable[int],
        unfollows: Iterable[int],
        tags: Iterable[str],
        untags: Iterable[str],
    ) -> None:
        for author_id in follows:
            self._by_author.setdefault(author_id, set()).add(viewer_id)
        for tag in tags:
            self._by_tag.setdefault(tag, set()).add(viewer_id)
        for author_id in unfollows:
            _discard(self._by_author, author_id, viewer_id)
        for tag in untags:
            _discard(self._by_tag, tag, viewer_id)


def _discard(index: dict[K, set[int]], name: K, viewer_id: int) -> None:
    found = index.get(name)
    if found is not None:
        found.discard(viewer_id)
        if not found:
            del index[name]
