"""The site's figures: the page, its charts and tables, JSON and CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.services.statistics import MEASURES
from microblog.web.html.plots import BOTTOM, HEIGHT, LEFT, TOP, WIDTH, bars, ceiling
from tests.tasks.site import People
from tests.web.html.html_site import HtmlSite


async def lively(html_site: HtmlSite) -> None:
    """Yesterday one person wrote two posts, today one."""
    people = People(html_site.microblog.db)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    ann = await people.user("ann", at=yesterday)
    first = await people.post(ann, at=yesterday, tags=("first",))
    await people.post(ann, at=yesterday, reply_to_account=ann)
    await people.post(ann)
    await people.sql("UPDATE posts SET thread_id = %s", first)
    await html_site.microblog.statistics.compute_missing()


async def test_empty_site_has_the_page(html_site: HtmlSite) -> None:
    page = await html_site.stranger().get("/about/stats")
    assert page.status == 200
    assert page.text.count("None in these 30 days.") == 6
    assert "Today so far: 0 posts" in page.text


async def test_each_chart_has_its_table(html_site: HtmlSite) -> None:
    await lively(html_site)
    page = await html_site.stranger().get("/about/stats")
    for section in page.html.xpath("//section[.//svg]"):
        assert len(section.xpath(".//details/table/tbody/tr")) == 30
        assert section.xpath("string(.//caption)") == section.xpath("string(.//h2)")
    posts = page.html.xpath("//section[@aria-labelledby='c-posts']")[0]
    assert posts.xpath(".//tbody/tr[position() <= 2]/td/text()") == ["1", "0", "2", "1"]
    assert len(posts.xpath(".//svg//rect")) == 3


async def test_page_obeys_its_content_security_policy(html_site: HtmlSite) -> None:
    await lively(html_site)
    for days in (30, 90, 365):
        page = await html_site.stranger().get(f"/about/stats?days={days}")
        assert page.html.xpath("count(//@style) + count(//main//style) + count(//main//script)") == 0


@pytest.mark.parametrize("days", [30, 90, 365])
async def test_each_range_is_served(html_site: HtmlSite, days: int) -> None:
    await lively(html_site)
    client = html_site.stranger()
    page = await client.get(f"/about/stats?days={days}")
    assert page.html.xpath("string(//nav[@class='tabs']//a[@aria-current])") in (f"{days} days", "A year")
    assert len((await client.get(f"/about/stats.json?days={days}")).json()["days"]) == days
    assert len((await client.get(f"/about/stats.csv?days={days}")).text.splitlines()) == days + 1


@pytest.mark.parametrize("days", ["0", "31", "-1", "x", "999999999999", "%D9%A3%D9%A0"])
async def test_other_ranges_are_refused(html_site: HtmlSite, days: str) -> None:
    for path in ("/about/stats", "/about/stats.json", "/about/stats.csv"):
        page = await html_site.stranger().get(f"{path}?days={days}")
        assert page.status == 422
        assert "30, 90 and 365" in page.text


async def test_page_json_and_csv_have_the_same_figures(html_site: HtmlSite) -> None:
    await lively(html_site)
    client = html_site.stranger()
    document = (await client.get("/about/stats.json")).json()
    sheet = await client.get("/about/stats.csv")
    assert sheet.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(sheet.text)))
    for from_json, from_csv in zip(document["days"], lines, strict=True):
        assert from_json["day"] == from_csv["day"]
        assert [from_json[measure] for measure in MEASURES] == [
            int(from_csv[measure]) for measure in MEASURES
        ]
    assert [day["posts"] for day in document["days"][-2:]] == [2, 1]
    assert [day["complete"] for day in document["days"][-2:]] == [True, False]
    assert document["tags"] == [{"tag": "first", "people": 1, "posts": 1}]


async def test_anonymous_page_is_cacheable_for_a_minute_and_a_personal_one_is_not(
    html_site: HtmlSite,
) -> None:
    page = await html_site.stranger().get("/about/stats")
    assert "max-age=60" in page.headers["cache-control"]
    ann = await html_site.person("ann")
    assert "no-store" in (await ann.get("/about/stats")).headers["cache-control"]


@given(st.integers(0, 10**12))
def test_top_of_a_chart_is_near_and_its_half_is_whole(value: int) -> None:
    top = ceiling(value)
    assert top >= max(value, 2)
    assert top % 2 == 0
    assert value < 2 or top <= value * 2.5


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=400))
def test_bars_stay_within_the_chart(values: list[int]) -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(len(values))]
    plot = bars(days, values, [value // 2 for value in values])
    for bar in [*plot.bars, *plot.inner]:
        assert bar.x >= LEFT
        assert bar.x + bar.width <= WIDTH + 0.02
        assert bar.y >= TOP - 0.02
        assert abs(bar.y + bar.height - (HEIGHT - BOTTOM)) < 0.02
    assert 1 <= len(plot.dates) <= 4
