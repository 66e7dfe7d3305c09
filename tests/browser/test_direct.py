"""The composer shows who can read a direct post as soon as Direct is chosen, with and without scripts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.service import PASSWORD, Service, Visitor
from tests.browser.test_newcomer import wait


@pytest.fixture(scope="module", params=[True, False], ids=["script", "no script"])
def ann(open_browser: Any, service: Service, request: Any) -> Any:
    """A browser that is logged in, on a site where bob is a member too."""
    names = ("ann", "bob") if request.param else ("cem", "dora")
    for name in names:
        Visitor(service.url).sign_up(name)
    browser = open_browser(script=request.param)
    browser.get(f"{service.url}/login")
    browser.find_element("name", "login").send_keys(names[0])
    browser.find_element("name", "password").send_keys(PASSWORD)
    browser.find_element("css selector", "main form button.main").click()
    wait(browser, lambda: browser.find_elements("link text", "Home"))
    browser.other = names[1]
    return browser


def shown(browser: Any) -> bool:
    return bool(browser.find_element("id", "c-audience").is_displayed())


def test_message_button_leads_to_a_composer_that_tells_who_can_read(ann: Any, service: Service) -> None:
    for width in (1000, 320):
        ann.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
        )
        ann.get(f"{service.url}/@{ann.other}")
        wide = ann.find_element("tag name", "html").size["width"]
        button = ann.find_element("link text", "Message")
        assert button.location["x"] + button.size["width"] <= wide <= width
        button.click()
        wait(ann, lambda: ann.find_elements("id", "c-audience"))
        assert shown(ann)
        assert ann.find_element("id", "c-text").get_property("value").strip() == f"@{ann.other}"


def test_note_follows_the_visibility(ann: Any, service: Service) -> None:
    ann.get(f"{service.url}/compose")
    assert not shown(ann)
    select = ann.find_element("name", "visibility")
    for value in ("direct", "followers", "direct", "public"):
        select.find_element("css selector", f"option[value={value}]").click()
        assert shown(ann) is (value == "direct")
