"""Ids carry their time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.ids import MAX_ID, first_at, parse_id, snowflake, time_of

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
MILLISECONDS = 1767323045678


def test_an_id_is_milliseconds_and_a_sequence() -> None:
    assert snowflake(MILLISECONDS, 7) == MILLISECONDS * 65536 + 7
    assert snowflake(MILLISECONDS, 65536 + 7) == snowflake(MILLISECONDS, 7)


def test_an_id_tells_its_time() -> None:
    assert time_of(snowflake(MILLISECONDS, 65535)) == MOMENT
    assert time_of(0) == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_moment_has_its_first_id() -> None:
    assert first_at(MOMENT) == snowflake(MILLISECONDS, 0)
    assert first_at(MOMENT.astimezone(timezone(timedelta(hours=-7)))) == first_at(MOMENT)
    assert first_at(MOMENT + timedelta(microseconds=1)) == snowflake(MILLISECONDS + 1, 0)
    assert first_at(datetime(1900, 1, 1, tzinfo=UTC)) == 0


def test_a_moment_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        first_at(MOMENT.replace(tzinfo=None))


@pytest.mark.parametrize("milliseconds", [-1, 2**47])
def test_a_time_has_to_fit(milliseconds: int) -> None:
    with pytest.raises(ValueError, match="can't be in an id"):
        snowflake(milliseconds, 0)


@given(st.datetimes(datetime(1970, 1, 1), datetime(6000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_ids_of_a_moment_are_not_before_it(moment: datetime) -> None:
    assert moment <= time_of(first_at(moment)) < moment + timedelta(milliseconds=1)
    assert time_of(first_at(moment) - 1) < moment or first_at(moment) == 0


@pytest.mark.parametrize(("raw", "number"), [("0", 0), ("115", 115), ("007", 7), (str(MAX_ID), MAX_ID)])
def test_digits_are_ids(raw: str, number: int) -> None:
    assert parse_id(raw) == number


@pytest.mark.parametrize(
    "raw", ["", "-1", "+1", "1.0", "1e3", " 1", "1\n", "0x1", "١", "1_0", str(MAX_ID + 1), "9" * 9999]
)
def test_nothing_else_is_an_id(raw: str) -> None:
    assert parse_id(raw) is None
