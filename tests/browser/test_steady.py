"""Nothing moves under the finger: buttons keep their places, news lie over the page, hidden things are hidden."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.by import By

from tests.browser.service import PASSWORD, Service, Visitor
from tests.browser.test_newcomer import wait
from tests.browser.test_script import css

PLACES = """return [...document.querySelectorAll("article .actions > *")].map((each) => {
  const box = each.getBoundingClientRect();
  return [box.left, box.top, box.width].map(Math.round).join(" ");
})"""


@pytest.fixture(scope="module")
def writer(service: Service) -> Visitor:
    made = Visitor(service.url).sign_up("steadywriter")
    for number in range(3):
        made.write(f"Post number {number}")
    return made


@pytest.fixture(scope="module")
def browser(service: Service, writer: Visitor, open_browser: Any) -> Any:
    """A reader who is logged in."""
    Visitor(service.url).sign_up("steadyreader")
    made = open_browser()
    made.get(f"{service.url}/login")
    made.find_element(By.NAME, "login").send_keys("steadyreader")
    made.find_element(By.NAME, "password").send_keys(PASSWORD)
    made.find_element(By.CSS_SELECTOR, "main form button.main").click()
    wait(made, lambda: made.find_elements(By.LINK_TEXT, "Home"))
    return made


def resize(browser: Any, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_pressed_button_moves_nothing(service: Service, browser: Any, width: int) -> None:
    resize(browser, width)
    browser.get(f"{service.url}/public")
    before = browser.execute_script(PLACES)
    for verb in ("favourite", "boost", "bookmark"):
        button = f"article [data-act={verb}]"
        pressed = css(browser, button).get_attribute("aria-pressed")
        css(browser, button).click()
        wait(browser, lambda: css(browser, button).get_attribute("aria-pressed") != pressed)  # noqa: B023
        assert browser.execute_script(PLACES) == before, verb
    tops = {place.split()[1] for place in before[:5]}
    assert len(tops) <= 2, "the row does not wrap"


def test_banner_of_new_posts_moves_nothing(service: Service, browser: Any, writer: Visitor) -> None:
    resize(browser, 390)
    browser.get(f"{service.url}/public")
    wait(browser, lambda: browser.execute_script("return document.readyState") == "complete")
    before = browser.execute_script(PLACES)
    writer.write("Something new")
    wait(browser, lambda: css(browser, ".news").text == "1 new post")
    assert css(browser, ".news a").is_displayed()
    assert browser.execute_script(PLACES) == before


def test_hidden_elements_stay_hidden_without_javascript(service: Service, open_browser: Any) -> None:
    plain = open_browser(script=False)
    plain.get(f"{service.url}/public")
    hidden = plain.find_elements(By.CSS_SELECTOR, "[hidden]")
    assert hidden
    assert not any(each.is_displayed() for each in hidden)
