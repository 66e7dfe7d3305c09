"""Concurrent lookups through a batch loader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred

from microblog.domain.errors import Unavailable
from microblog.services.batch_loader import BatchLoader


class Asked:
    """A lookup of squares that answers when the test lets it."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.answers: list[Deferred[None]] = []
        self.loader = BatchLoader(self.squares, batch_size=3)

    async def squares(self, numbers: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(list(numbers))
        self.answers.append(Deferred())
        await self.answers[-1]
        return {number: number * number for number in numbers}

    def ask(self, number: int) -> Deferred[int]:
        return ensureDeferred(self.loader.of(number))


async def test_first_key_is_loaded_at_once_and_keys_that_arrive_meanwhile_together() -> None:
    asked = Asked()
    asking = [asked.ask(number) for number in (1, 2, 3, 2)]
    assert asked.asked == [[1]]
    asked.answers[0].callback(None)
    assert asked.asked == [[1], [2, 3]]
    asked.answers[1].callback(None)
    assert [await each for each in asking] == [1, 4, 9, 4]


async def test_caller_never_gets_the_result_of_an_earlier_lookup() -> None:
    asked = Asked()
    first, again = asked.ask(1), asked.ask(1)
    asked.answers[0].callback(None)
    assert await first == 1
    assert not again.called
    asked.answers[1].callback(None)
    assert await again == 1


async def test_batch_size_is_limited() -> None:
    asked = Asked()
    asking = [asked.ask(number) for number in range(6)]
    for number in range(3):
        asked.answers[number].callback(None)
    assert asked.asked == [[0], [1, 2, 3], [4, 5]]
    assert [await each for each in asking] == [0, 1, 4, 9, 16, 25]


async def test_failure_reaches_only_the_callers_of_its_batch() -> None:
    asked = Asked()
    asking = [asked.ask(number) for number in (1, 2, 3)]
    asked.answers[0].callback(None)
    asked.answers[1].errback(Unavailable())
    assert await asking[0] == 1
    for each in asking[1:]:
        with pytest.raises(Unavailable):
            await each
    later = asked.ask(2)
    asked.answers[2].callback(None)
    assert await later == 4


async def test_cancelled_caller_delays_no_other() -> None:
    asked = Asked()
    first, second, third = (asked.ask(number) for number in (1, 2, 3))
    for each in (first, second):
        each.cancel()
        with pytest.raises(CancelledError):
            await each
    asked.answers[0].callback(None)
    asked.answers[1].callback(None)
    assert await third == 9


async def test_missing_key_in_the_result_is_an_error_for_all_callers() -> None:
    async def nothing(_: Sequence[int]) -> Mapping[int, int]:
        return {}

    loader = BatchLoader(nothing)
    for _ in range(2):
        with pytest.raises(KeyError):
            await loader.of(1)
