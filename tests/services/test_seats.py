from __future__ import annotations

import pytest

from microblog.domain.errors import Unavailable
from microblog.services.seats import RESERVE, Seats


def test_as_many_as_may_be_are_let_in_and_who_leaves_makes_room() -> None:
    seats = Seats(lambda: None)
    for _ in range(2):
        seats.check(2)
        seats.take()
    with pytest.raises(Unavailable) as refused:
        seats.check(2)
    assert refused.value.retry_after == 60
    assert (seats.taken, seats.refused) == (2, 1)
    seats.leave()
    seats.check(2)


def test_descriptors_are_left_for_the_rest() -> None:
    seats = Seats(lambda: RESERVE + 1)
    seats.take()
    with pytest.raises(Unavailable):
        seats.check(1000)


def test_a_tight_limit_on_descriptors_is_nobodys_end() -> None:
    Seats(lambda: 64).check(1000)


def test_the_limit_is_that_of_the_process() -> None:
    Seats().check(1000)
