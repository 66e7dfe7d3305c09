"""Flash messages on a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator


class Flashes:
    """The flash messages of a page. Reading them removes them, so a page that shows none leaves them for the next."""

    __slots__ = ("_take_flashes", "_texts")

    def __init__(self, take_flashes: Callable[[], list[str]]) -> None:
        self._take_flashes = take_flashes
        self._texts: list[str] | None = None

    def _take(self) -> list[str]:
        if self._texts is None:
            self._texts = self._take_flashes()
        return self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._take())

    def __bool__(self) -> bool:
        return bool(self._take())

    def __len__(self) -> int:
        return len(self._take())
