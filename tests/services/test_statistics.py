"""Daily figures: each day counted once, whatever happens to clocks and processes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import DeferredList, ensureDeferred
from twisted.internet.task import Clock

from microblog.services.statistics import Statistics, day_of, start_of
from microblog.store.engine.database import Database
from tests.tasks.site import People

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",  # its clocks changed at midnight
    "America/Havana",  # at midnight, both ways
    "Asia/Beirut",  # at midnight
    "Pacific/Apia",  # left out a whole day in 2011
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # changes by half an hour
    "Atlantic/Azores",
]


# -- days of a time zone -----------------------------------------------------------------------------------------------


@given(st.sampled_from(ZONES), st.dates(date(1980, 1, 1), date(2037, 1, 1)))
def test_days_follow_each_other_without_gap_or_overlap(zone: str, day: date) -> None:
    here = ZoneInfo(zone)
    start, end = start_of(day, here), start_of(day + timedelta(days=1), here)
    assert timedelta(0) <= end - start <= timedelta(hours=26)
    if start < end:
        assert day_of(start, here) == day
        assert day_of(end - timedelta(microseconds=1), here) == day


@given(st.sampled_from(ZONES), st.integers(10 * 365 * 86_400, 67 * 365 * 86_400))
def test_each_moment_is_in_exactly_the_day_that_it_is_said_to_be_in(zone: str, seconds: int) -> None:
    here, moment = ZoneInfo(zone), datetime.fromtimestamp(seconds, UTC)
    day = day_of(moment, here)
    assert start_of(day, here) <= moment < start_of(day + timedelta(days=1), here)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
        ("America/Havana", date(2026, 11, 1), 25),
        ("Pacific/Apia", date(2011, 12, 30), 0),
        ("UTC", date(2026, 3, 29), 24),
    ],
)
def test_days_on_which_clocks_change(zone: str, day: date, hours: int) -> None:
    here = ZoneInfo(zone)
    assert start_of(day + timedelta(days=1), here) - start_of(day, here) == timedelta(hours=hours)


# -- counting ----------------------------------------------------------------------------------------------------------


class Site:
    def __init__(self, db: Database, zone: str = "UTC") -> None:
        self.people = People(db)
        self.db = db
        self.clock = Clock()
        self.zone = ZoneInfo(zone)
        self.statistics = self.process()
        self.today = day_of(datetime.now(UTC), self.zone)

    def process(self) -> Statistics:
        return Statistics(self.db, self.zone, self.clock.seconds)

    def moment(self, days_ago: int, hours: float = 12) -> datetime:
        return start_of(self.today - timedelta(days=days_ago), self.zone) + timedelta(hours=hours)

    async def values(self, days_ago: int) -> Any:
        return (await self.statistics.summary(30)).days[-1 - days_ago].values


@pytest.fixture
def site(db: Database) -> Site:
    return Site(db)


async def busy(site: Site) -> int:
    """Two days ago: two people, two posts, one of them a reply, a boost and a favourite.  Returns the first's id."""
    alice = await site.people.user("alice", at=site.moment(2, 1))
    bob = await site.people.user("bob", at=site.moment(2, 2))
    first = await site.people.post(alice, at=site.moment(2, 3), tags=("first", "both"))
    await site.people.post(bob, at=site.moment(2, 4), reply_to_account=alice, tags=("both",))
    await site.people.post(bob, at=site.moment(2, 5), boost_of=first)
    await site.people.sql(
        "INSERT INTO favourites (id, account_id, post_id) VALUES (snowflake(%s), %s, %s)",
        site.moment(2, 6),
        bob,
        first,
    )
    return alice


async def test_an_empty_site_has_zeros(site: Site) -> None:
    assert await site.statistics.compute_missing() == 0
    summary = await site.statistics.summary(30)
    assert len(summary.days) == 30
    assert summary.today.day == site.today
    assert summary.total("posts") == 0
    assert summary.tags == []


async def test_a_day_is_counted(site: Site) -> None:
    await busy(site)
    assert await site.statistics.compute_missing() == 2
    assert await site.values(2) == {
        "posts": 2,
        "replies": 1,
        "boosts": 1,
        "favourites": 1,
        "active": 2,
        "sign_ups": 2,
        "readers": 0,
    }
    summary = await site.statistics.summary(30)
    assert [(tag.tag, tag.people, tag.posts) for tag in summary.tags] == [("both", 2, 2), ("first", 1, 1)]
    assert set((await site.values(1)).values()) == {0}


async def test_only_public_posts_give_tags(site: Site) -> None:
    alice = await site.people.user("alice", at=site.moment(1))
    await site.people.post(alice, at=site.moment(1), tags=("secret",), visibility="direct")
    await site.statistics.compute_missing()
    assert (await site.statistics.summary(7)).tags == []
    assert (await site.values(1))["posts"] == 1


async def test_people_from_elsewhere_do_not_count(site: Site) -> None:
    eve = await site.people.user("eve", at=site.moment(1))
    await site.people.sql("UPDATE accounts SET domain = 'elsewhere.example' WHERE id = %s", eve)
    await site.people.post(eve, at=site.moment(1))
    await site.people.user("bob", at=site.moment(2))
    await site.statistics.compute_missing()
    assert set((await site.values(1)).values()) == {0}


async def test_what_stands_stands(site: Site) -> None:
    await busy(site)
    await site.statistics.compute_missing()
    await site.people.sql("DELETE FROM posts")
    assert await site.statistics.compute_missing() == 0
    assert (await site.values(2))["posts"] == 2


async def test_the_borders_of_a_day_belong_to_one_day_each(db: Database) -> None:
    site = Site(db, "America/New_York")
    alice = await site.people.user("alice", at=site.moment(3, 1))
    border = site.moment(1, 0)
    for moment in (border - timedelta(microseconds=1), border, site.moment(0, 0) - timedelta(microseconds=1)):
        await site.people.post(alice, at=moment)
    await site.statistics.compute_missing()
    assert [(await site.values(ago))["posts"] for ago in (2, 1)] == [1, 2]


async def test_days_that_were_missed_are_counted_later_back_to_the_beginning(site: Site) -> None:
    alice = await site.people.user("alice", at=site.moment(20))
    for ago in range(1, 21):
        await site.people.post(alice, at=site.moment(ago))
    assert await site.statistics.compute_missing(most=7) == 7
    await site.people.sql("DELETE FROM statistic_days WHERE day = %s", site.today - timedelta(days=3))
    assert await site.statistics.compute_missing() == 14
    assert (await site.statistics.summary(30)).total("posts") == 20


async def test_two_processes_count_each_day_once(site: Site) -> None:
    alice = await site.people.user("alice", at=site.moment(10))
    for ago in range(1, 11):
        await site.people.post(alice, at=site.moment(ago))
    counted = await DeferredList([ensureDeferred(site.process().compute_missing()) for _ in range(4)])
    assert all(ok for ok, _ in counted)
    assert sum(count for _, count in counted) == 10
    assert (await site.statistics.summary(30)).total("posts") == 10


async def test_a_process_that_dies_in_the_middle_leaves_nothing(site: Site) -> None:
    from microblog.store.statistics import statistics

    await busy(site)
    with pytest.raises(RuntimeError):
        async with site.db.transaction() as tx:
            await statistics(tx).begin(site.today - timedelta(days=2), "UTC")
            raise RuntimeError("killed")
    await site.statistics.compute_missing()
    assert (await site.values(2))["posts"] == 2


async def test_today_is_counted_as_it_runs_but_not_kept(site: Site) -> None:
    alice = await site.people.user("alice")
    await site.people.post(alice)
    await site.statistics.compute_missing()
    today = (await site.statistics.summary(7)).today
    assert (today.values["posts"], today.values["sign_ups"], today.complete) == (1, 1, False)
    assert await site.people.count("statistic_days") == 0


async def test_the_running_figures_are_kept_for_some_seconds(site: Site) -> None:
    alice = await site.people.user("alice")
    assert (await site.values(0))["posts"] == 0
    await site.people.post(alice)
    assert (await site.values(0))["posts"] == 0
    site.clock.advance(11)
    assert (await site.values(0))["posts"] == 1


async def test_days_that_a_clock_which_ran_ahead_had_counted_are_counted_again_when_they_are_over(
    site: Site,
) -> None:
    await site.people.user("alice", at=site.moment(1))
    await site.statistics.compute_missing()
    tomorrow = site.today + timedelta(days=1)
    for day in (site.today, tomorrow):
        await site.people.sql("INSERT INTO statistic_days (day, time_zone) VALUES (%s, 'UTC')", day)
    await site.statistics.compute_missing()
    assert await site.people.count("statistic_days", "day >= current_date") == 0
    assert await site.people.count("statistic_days") == 1


async def test_live_readers_are_summed_over_processes_and_their_peak_is_kept(site: Site) -> None:
    await site.people.user("alice", at=site.moment(1, 0))
    for minute, process, readers in [(0, "a", 5), (0, "b", 7), (1, "a", 9)]:
        await site.people.sql(
            "INSERT INTO reader_samples VALUES (%s, %s, %s)",
            site.moment(1, 2 + minute / 60),
            process,
            readers,
        )
    await site.statistics.compute_missing()
    assert (await site.values(1))["readers"] == 12
    await site.statistics.sample_readers("a", 3)
    await site.statistics.sample_readers("a", 2)
    await site.statistics.sample_readers("b", 0)
    assert await site.people.count("reader_samples", "readers = 3") == 1
    site.clock.advance(11)
    assert (await site.values(0))["readers"] == 3
