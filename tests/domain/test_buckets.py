"""Token buckets: exact, bounded, and never emptied by a flood of other keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.buckets import SHARED, Buckets, Spent


def exhaust(buckets: Buckets, key: str, now: float) -> int:
    """Spend until nothing is left; how much there was."""
    spent = 0
    try:
        while True:
            buckets.spend(key, now)
            spent += 1
    except Spent:
        return spent


@given(st.integers(1, 50), st.floats(1, 1e4), st.floats(0, 1e7))
def test_a_bucket_holds_its_burst_and_refills_evenly(burst: int, seconds: float, now: float) -> None:
    buckets = Buckets(burst, seconds, 10)
    assert exhaust(buckets, "a", now) == burst
    assert exhaust(buckets, "a", now + seconds / burst * 1.01) == 1
    assert exhaust(buckets, "a", now + seconds * 3) == burst


@pytest.mark.parametrize("spent_by_others", [1, 5, 10])
def test_a_flood_of_keys_gives_no_spent_budget_back(spent_by_others: int) -> None:
    buckets = Buckets(10, 300.0, 100)
    exhaust(buckets, "guessed at", 0.0)
    for number in range(1000):
        for _ in range(spent_by_others):
            try:
                buckets.spend(f"other {number}", 0.0)
            except Spent:
                break
    assert len(buckets) <= 100
    assert exhaust(buckets, "guessed at", 0.0) == 0


def test_new_keys_share_one_large_bucket_while_the_table_is_full_of_spent_ones() -> None:
    buckets = Buckets(10, 300.0, 100)
    for number in range(100):
        exhaust(buckets, str(number), 0.0)
    assert sum(exhaust(buckets, f"new {number}", 0.0) for number in range(1000)) == 10 * SHARED
    assert len(buckets) == 100
    assert exhaust(buckets, "new", 301.0) == 10


def test_making_room_stays_cheap() -> None:
    buckets = Buckets(10, 300.0, 1000)
    for number in range(50_000):
        buckets.spend(str(number), number / 1e6)
        assert len(buckets._by_fullness) <= 1000
