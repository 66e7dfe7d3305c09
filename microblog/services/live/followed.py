"""An index of the live viewers of home and of lists, by the authors and hashtags that they follow.

So a post concerns only viewers who follow its author or one of its hashtags, however many others read their homes.
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
    """An index of viewers by the authors and hashtags in their relationships."""

    def __init__(self) -> None:
        self._relationships: dict[int, Relationships] = {}
        self._by_author: dict[int, set[int]] = {}
        self._by_tag: dict[str, set[int]] = {}

    def __len__(self) -> int:
        return len(self._relationships)

    def __contains__(self, viewer_id: int) -> bool:
        return viewer_id in self._relationships

    def put(self, relationships: Relationships) -> None:
        """Index a viewer by new relationships."""
        before = self._relationships.get(relationships.id)
        if before is relationships:
            return
        self._relationships[relationships.id] = relationships
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
        """Take a viewer out of the index."""
        relationships = self._relationships.pop(viewer_id, None)
        if relationships is not None:
            self._change(viewer_id, (), {viewer_id, *relationships.follows}, (), relationships.tags)

    def viewers(self, event: Event) -> Iterable[int]:
        """Return the viewers whose home or lists may want an event, each once."""
        if event.kind is Kind.RELATION:
            return () if event.recipient_id is None else (event.recipient_id,)
        audience = event.audience
        if audience is None:
            return ()
        authors = self._by_author.get(audience.author_id, ())
        if audience.is_boost or audience.visibility is not Visibility.PUBLIC:
            return authors
        followers = [viewers for tag in audience.tags if (viewers := self._by_tag.get(tag))]
        return set(authors).union(*followers) if followers else authors

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
    viewers = index.get(name)
    if viewers is not None:
        viewers.discard(viewer_id)
        if not viewers:
            del index[name]
