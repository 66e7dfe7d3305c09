"""What the scripts add: announcements, the counter, buttons without a reload, shortcuts, the appearance."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.service import PASSWORD, Service, Visitor
from tests.browser.test_newcomer import wait


@pytest.fixture(scope="module")
def writer(service: Service) -> Visitor:
    made = Visitor(service.url).sign_up("writer")
    for number in range(3):
        made.write(f"Post number {number}")
    return made


@pytest.fixture(scope="module")
def browser(service: Service, writer: Visitor, open_browser: Any) -> Any:
    """A browser that is logged in."""
    Visitor(service.url).sign_up("reader")
    made = open_browser()
    made.get(f"{service.url}/login")
    made.find_element(By.NAME, "login").send_keys("reader")
    made.find_element(By.NAME, "password").send_keys(PASSWORD)
    made.find_element(By.CSS_SELECTOR, "main form button.main").click()
    wait(made, lambda: made.find_elements(By.LINK_TEXT, "Home"))
    return made


def css(browser: Any, selector: str) -> Any:
    return browser.find_element(By.CSS_SELECTOR, selector)


def focused(browser: Any) -> Any:
    return browser.switch_to.active_element


def test_new_posts_are_announced(service: Service, browser: Any, writer: Visitor) -> None:
    browser.get(f"{service.url}/public")
    wait(browser, lambda: browser.execute_script("return document.readyState") == "complete")
    assert css(browser, ".news").text == ""
    before = len(browser.find_elements(By.CSS_SELECTOR, "article"))

    # What is written while the stream is being opened counts as well, so there is nothing to wait for first.
    writer.write("Something new")
    writer.write("Something newer")
    wait(browser, lambda: css(browser, ".news").text == "2 new posts")
    assert browser.title.startswith("(2) ")
    assert len(browser.find_elements(By.CSS_SELECTOR, "article")) == before, (
        "the page does not move by itself"
    )

    css(browser, ".news a").click()
    wait(browser, lambda: "Something newer" in css(browser, "main").text)
    assert css(browser, ".news").text == ""


def test_page_that_slept_too_long_announces_a_gap(service: Service, browser: Any) -> None:
    """The log does not go back to where it stopped: as if it had stopped at a cursor that is none."""
    asked = browser.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument",
        {
            "source": "const Own = EventSource; window.EventSource = function (address) {"
            "address.searchParams.set('since', '999999999'); return new Own(address); };"
        },
    )
    try:
        browser.get(f"{service.url}/public")
        wait(browser, lambda: css(browser, ".news").text == "More is new than was counted")
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", asked)
    css(browser, ".news a").click()
    wait(browser, lambda: css(browser, ".news").text == "")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", 500),
        ("Hello", 495),
        ("👩‍👩‍👧‍👧🏳️‍🌈", 498),
        ("e\u0301", 499),
        ("https://example.org/" + "a" * 100, 477),
        ("See https://example.org/a. And (https://example.org/b)", 500 - len("See . And ()") - 46),
        ("@bob@social.example hi", 493),
        ("  spaces around  ", 487),
        ("x" * 501, -1),
    ],
)  # fmt: skip
def test_the_counter_counts_as_the_server_does(service: Service, browser: Any, text: str, left: int) -> None:
    from microblog.domain import text as domain

    assert 500 - domain.length(text) == left
    browser.get(f"{service.url}/home")
    field = css(browser, "#c-text")
    browser.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))", field, text
    )
    wait(
        browser,
        lambda: (
            css(browser, "#c-count").get_property("lastChild")["textContent"] == str(left)
            if isinstance(css(browser, "#c-count").get_property("lastChild"), dict)
            else css(browser, "#c-count").text.split()[-1] == str(left)
        ),
    )
    assert ("over" in css(browser, "#c-count").get_attribute("class").split()) == (left < 0)
    browser.execute_script("arguments[0].value = ''", field)


def test_button_works_without_a_reload(service: Service, browser: Any) -> None:
    browser.get(f"{service.url}/public")
    browser.execute_script("window.stayed = true")
    for expected in ("true", "false"):
        css(browser, "article [data-act=boost]").click()
        wait(
            browser,
            lambda expected=expected: (
                css(browser, "article [data-act=boost]").get_attribute("aria-pressed") == expected
            ),
        )
        assert browser.execute_script("return window.stayed") is True
        assert focused(browser).get_attribute("data-act") == "boost", "the focus stays where it was"


def test_a_button_falls_back_to_its_form_when_the_script_fails(service: Service, browser: Any) -> None:
    browser.get(f"{service.url}/public")
    browser.execute_script("window.fetch = () => Promise.reject(new TypeError('no network'))")
    post = css(browser, "article").get_attribute("data-post")
    css(browser, "article [data-act=bookmark]").click()
    wait(browser, lambda: browser.current_url.endswith(f"/public#p{post}"))
    assert css(browser, "article [data-act=bookmark]").get_attribute("aria-pressed") == "true"


def test_shortcuts_move_and_act(service: Service, browser: Any) -> None:
    browser.get(f"{service.url}/public")
    posts = [each.get_attribute("id") for each in browser.find_elements(By.CSS_SELECTOR, "article")]
    keys = browser.find_element(By.TAG_NAME, "body")
    for key, expected in (("j", posts[0]), ("j", posts[1]), ("k", posts[0])):
        focused(browser).send_keys(key)
        assert focused(browser).get_attribute("id") == expected
    focused(browser).send_keys("f")
    wait(
        browser,
        lambda: css(browser, f"#{posts[0]} [data-act=favourite]").get_attribute("aria-pressed") == "true",
    )

    keys.send_keys("?")
    assert css(browser, "#help").is_displayed()
    focused(browser).send_keys(Keys.ESCAPE)
    assert not css(browser, "#help").is_displayed()

    keys.send_keys("/")
    wait(browser, lambda: browser.current_url.endswith("/search"))
    wait(browser, lambda: focused(browser).get_attribute("name") == "q")
    focused(browser).send_keys("jjj")
    assert focused(browser).get_attribute("value") == "jjj", "a letter in a field is a letter"

    browser.get(f"{service.url}/public")
    browser.find_element(By.TAG_NAME, "body").send_keys("n")
    wait(browser, lambda: focused(browser).get_attribute("name") == "text")


def test_theme_is_switched_at_once_and_stored(service: Service, browser: Any) -> None:
    browser.get(f"{service.url}/about")
    css(browser, ".theme [value=dark]").click()
    assert css(browser, "html").get_attribute("data-theme") == "dark"
    browser.get(f"{service.url}/public")
    assert css(browser, "html").get_attribute("data-theme") == "dark"
    assert css(browser, ".theme [value=dark]").get_attribute("aria-pressed") == "true"
    css(browser, ".theme [value='']").click()
    assert css(browser, "html").get_attribute("data-theme") is None


def test_theme_is_switched_without_javascript(service: Service, open_browser: Any) -> None:
    browser = open_browser(script=False)
    browser.get(f"{service.url}/public")
    css(browser, ".theme [value=light]").click()
    wait(browser, lambda: css(browser, "html").get_attribute("data-theme") == "light")
    assert browser.current_url == f"{service.url}/public"
