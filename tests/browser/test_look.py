"""What only a browser can tell of the style sheet: where lines break, what fits a phone, what comes out on paper."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.service import PASSWORD, Service, Visitor
from tests.browser.test_newcomer import wait

LONG_NAME = "Donaudampfschifffahrtsgesellschaftskapitänsmützen"
COLUMNS = "name    age\n    indented\nann     7"
ADDRESS = "https://example.org/a/long/path/that/goes/on/and/on/and/on"


@pytest.fixture(scope="module")
def author(service: Service) -> Visitor:
    """An author with a long name, a post with a hashtag at each place of a line, and one with a long address."""
    author = Visitor(service.url).sign_up("longwinded_person_with_30_char")
    author.send("/settings", display_name=LONG_NAME)
    for words in range(8, 20):
        author.write("雪" * words + " #猫 " + "and so on " * 12)
    author.write(f"Look: {ADDRESS}")
    author.write(COLUMNS)
    return author


@pytest.fixture(scope="module")
def member(open_browser: Any, service: Service, author: Visitor) -> Any:
    """The author's browser."""
    browser = open_browser()
    browser.get(f"{service.url}/login")
    browser.find_element("name", "login").send_keys(author.name)
    browser.find_element("name", "password").send_keys(PASSWORD)
    browser.find_element("css selector", "main form button.main").click()
    wait(browser, lambda: browser.find_elements("link text", "Home"))
    return browser


@pytest.fixture
def phone(member: Any, service: Service, author: Visitor) -> Any:
    """The author's profile, 320 pixels wide."""
    member.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    member.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": False},
    )
    member.get(f"{service.url}/@{author.name}")
    return member


def test_a_hashtag_stays_in_one_line(phone: Any) -> None:
    lines = phone.execute_script(
        "return [...document.querySelectorAll('.text .hashtag')]"
        ".map((tag) => new Set([...tag.getClientRects()].map((part) => Math.round(part.top))).size)"
    )
    assert lines == [1] * 12


def test_indentation_and_columns_are_shown(phone: Any) -> None:
    shown = phone.execute_script(
        "return [...document.querySelectorAll('.text p')].map((each) => each.innerText)"
        ".find((text) => text.startsWith('name'))"
    )
    assert shown == COLUMNS


def test_a_long_name_takes_one_line_of_a_list(phone: Any) -> None:
    heights = phone.execute_script(
        "return [...document.querySelectorAll('.post .author bdi')].map((name) => name.getBoundingClientRect().height)"
    )
    assert set(heights) == {heights[0]}
    assert heights[0] < 30
    assert LONG_NAME in phone.find_element("tag name", "h1").text, "its own page shows it whole"


def test_menus_stay_on_a_small_screen(phone: Any) -> None:
    sides = phone.execute_script(
        "return [...document.querySelectorAll('details[data-menu]')].slice(0, 3).flatMap((menu) => {"
        " menu.open = true;"
        " return [...menu.querySelectorAll('a, button')].map((item) => {"
        "  const box = item.getBoundingClientRect();"
        "  const frame = menu.querySelector(':scope > :not(summary)').getBoundingClientRect();"
        "  return [box.left - frame.left, frame.right - box.right, frame.left, innerWidth - frame.right]; }); })"
    )
    assert len(sides) > 12
    assert all(min(each) >= 0 for each in sides), (
        "nothing hangs out of its menu, and no menu out of the screen"
    )


def test_dark_theme_prints_black_on_white(phone: Any) -> None:
    phone.execute_script("document.documentElement.dataset.theme = 'dark'")
    phone.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    look = "const style = getComputedStyle(document.documentElement); return [style.color, style.backgroundColor]"
    assert phone.execute_script(look) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]


def test_printed_page_has_full_addresses_and_dates(phone: Any) -> None:
    phone.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    sizes = phone.execute_script(
        "return [...document.querySelectorAll('.text a .invisible')].map((part) => getComputedStyle(part).fontSize)"
    )
    assert sizes
    assert "0px" not in sizes
    shown = phone.execute_script(
        "const time = document.querySelector('.post .when time');"
        "return [getComputedStyle(time, '::after').content, time.title]"
    )
    assert shown[0] == f'"{shown[1]}"'
    assert not phone.find_element("css selector", ".actions").is_displayed()


def test_thread_opens_at_the_requested_post(phone: Any, service: Service, author: Visitor) -> None:
    path = first = author.write("The beginning")
    for number in range(6):
        path = author.write(f"Answer {number}", reply_to=path.rpartition("/")[2])
    places = []
    for each in (first, path):
        phone.get(service.url + each)
        places.append(phone.execute_script("return Math.round(scrollY)"))
    assert places[0] == 0
    assert places[1] > 300
    phone.execute_script("scrollTo({ top: 120, behavior: 'instant' })")
    phone.refresh()
    assert phone.execute_script("return Math.round(scrollY)") == 120, "a reload keeps the reader's place"
