"""The newcomer's path: sign up, write, see it on the public page, and have a stranger read it."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser.service import PASSWORD, Service


def go(browser: Any, link: str) -> None:
    browser.find_element(By.LINK_TEXT, link).click()


def wait(browser: Any, holds: Any) -> Any:
    """What ``holds`` gives, once it is true; a node that goes away while it is looked at is looked for again."""
    gone = (StaleElementReferenceException,)
    return WebDriverWait(browser, 20, poll_frequency=0.05, ignored_exceptions=gone).until(lambda _: holds())


def main(browser: Any) -> str:
    return str(browser.find_element(By.TAG_NAME, "main").text)


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_newcomer_signs_up_and_posts(service: Service, open_browser: Any, script: bool) -> None:
    name = "ada" if script else "ben"
    browser = open_browser(script=script)

    browser.get(service.url)
    go(browser, "Sign up")
    browser.find_element(By.NAME, "name").send_keys(name)
    browser.find_element(By.NAME, "email").send_keys(f"{name}@example.org")
    browser.find_element(By.NAME, "password").send_keys(PASSWORD)
    browser.find_element(By.CSS_SELECTOR, "main form button.main").click()

    wait(browser, lambda: browser.find_elements(By.LINK_TEXT, "Home"))
    browser.get(f"{service.url}/home")
    browser.find_element(By.NAME, "text").send_keys(f"Hello @bob #first, says {name}")
    browser.find_element(By.CSS_SELECTOR, ".composer button.main").click()
    wait(
        browser, lambda: f"says {name}" in main(browser) and browser.find_elements(By.CSS_SELECTOR, "article")
    )

    go(browser, "Public")
    wait(browser, lambda: browser.current_url.endswith("/public"))
    assert f"Hello @bob #first, says {name}" in main(browser)

    stranger = open_browser(script=script)
    stranger.get(service.url)
    assert f"Hello @bob #first, says {name}" in main(stranger)
    go(stranger, "#first")
    wait(stranger, lambda: stranger.current_url.endswith("/tags/first"))
    assert f"says {name}" in main(stranger)
    stranger.find_element(By.CSS_SELECTOR, "article .u-url").click()
    wait(stranger, lambda: f"/@{name}/" in stranger.current_url)
    assert stranger.find_element(By.TAG_NAME, "h1").text == f"Post by {name}"
    assert not stranger.find_elements(By.CSS_SELECTOR, "form.composer")


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_post_is_favourited_and_replied_to(
    service: Service, open_browser: Any, visitor: Any, script: bool
) -> None:
    suffix = "j" if script else "n"
    path = visitor().sign_up(f"writer_{suffix}").write("Bread is in the oven.")
    reader = visitor().sign_up(f"reader_{suffix}")
    browser = open_browser(script=script)
    browser.get(f"{service.url}/login")
    browser.find_element(By.NAME, "login").send_keys(reader.name)
    browser.find_element(By.NAME, "password").send_keys(PASSWORD)
    browser.find_element(By.CSS_SELECTOR, "main form button.main").click()
    wait(browser, lambda: browser.find_elements(By.LINK_TEXT, "Home"))

    browser.get(service.url + path)
    favourite = "article.focus [data-act=favourite]"
    assert browser.find_element(By.CSS_SELECTOR, favourite).get_attribute("aria-pressed") == "false"
    browser.find_element(By.CSS_SELECTOR, favourite).click()
    wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, f"{favourite}[aria-pressed=true]"))
    assert browser.find_element(By.CSS_SELECTOR, favourite).text.split() == ["Favourite", "1"]

    text = browser.find_element(By.NAME, "text")
    assert text.get_attribute("value") == f"@writer_{suffix} "
    text.send_keys("Leave some for me!")
    browser.find_element(By.CSS_SELECTOR, ".composer button.main").click()
    wait(browser, lambda: "Leave some for me!" in main(browser))
    browser.get(service.url + path)
    assert "Leave some for me!" in main(browser)
