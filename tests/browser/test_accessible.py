"""Accessibility of each page in the light and the dark theme by axe-core, and its silence in the browser's console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_selenium_python
import pytest
from selenium.webdriver.common.by import By

from tests.browser.service import PASSWORD, Service, Visitor
from tests.browser.test_newcomer import wait
from tests.web.page_routes import PAGES, filled

AXE = (Path(axe_selenium_python.__file__).parent / "node_modules/axe-core/axe.min.js").read_text(
    encoding="utf-8"
)

#: the tables and routes whose answers are no HTML pages of their own
NO_PAGES = {
    "feeds", "avatars", "wellknown", "live", "search.description", "statistics.as_json", "statistics.as_csv",
    "post.by_number",
}  # fmt: skip
#: the routes that need a token of a mail or the query of an app; other tests open these pages
NEED_A_SECRET = {"/unsubscribe/<token>", "/oauth/authorize"}
HTML_PAGES = [
    route
    for route in PAGES
    if not NO_PAGES & {route.name, route.name.partition(".")[0]} and route.path not in NEED_A_SECRET
]
#: the pages that only visitors without an account see; for users they redirect
LOGGED_OUT = {"/login", "/signup", "/join/<code>"}
#: further states of pages
VARIANTS = (
    "/public?max_id=1", "/@ben", "/tags/nothing", "/search?q=first", "/search?q=nothing-at-all", "/nothing-here",
)  # fmt: skip
FOR_VISITORS = [*(route.path for route in HTML_PAGES if route.viewer != "required"), *VARIANTS]
FOR_USERS = [*(route.path for route in HTML_PAGES if route.path not in LOGGED_OUT), *VARIANTS]


class Busy:
    """A site with content on each page; ann is its owner."""

    def __init__(self, service: Service) -> None:
        self.ann = Visitor(service.url).sign_up("ann")
        self.post = self.ann.write("Hello @ben #first")
        edited = self.ann.write("A typo, here")
        number = edited.rpartition("/")[2]
        self.ann.send(f"/posts/{number}/edit", text="A typo, there", language="en")
        self.edited = edited
        ben = Visitor(service.url).sign_up("ben")
        first = self.post.rpartition("/")[2]
        ben.write("@ann Good morning!", reply_to=first)
        ben.write("The butler did it.", summary="Spoilers")
        ben.write("صباح الخير #كتب", language="ar")
        ben.write("今日は雪が降っています。 https://example.org/a/long/path/that/goes/on/and/on/and/on")
        ben.write("w" * 500, visibility="unlisted")
        for verb in ("favourite", "boost", "bookmark"):
            ben.send(f"/posts/{first}/{verb}")
        ben.send("/@ann/follow")
        ben.write("@ann Between us.", visibility="direct")
        self.ann.send("/@ben/follow")
        self.ann.send("/@ben/endorse")
        self.ann.send("/@ben/note", comment="From the choir")
        self.ann.send(f"/posts/{first}/pin")
        self.ann.send("/tags/first/follow")
        self.ann.send("/featured-tags", name="first")
        self.ann.send(
            "/settings/filters/new",
            title="Mornings", keywords="good morning", action="warn", expires_in="", home="on", public="on",
        )  # fmt: skip
        [self.filter] = [
            str(link)
            for link in self.ann.get("/settings/filters").xpath("//main//a/@href")
            if str(link).rpartition("/")[2].isdigit()
        ]
        self.ann.send("/lists", title="Friends")
        self.list = self.ann.path.removesuffix("/edit")
        self.ann.send(f"{self.list}/add", name="ben")

    def path(self, route_path: str) -> str:
        """Return the path of a page with content."""
        for prefix, path in (
            ("/lists/<int:id>", self.list),
            ("/settings/filters/<int:id>", self.filter),
            ("/@<name>/<int:id>/history", f"{self.edited}/history"),
            ("/@<name>/<int:id>", self.post),
            ("/posts/<int:id>", f"/posts/{self.post.rpartition('/')[2]}"),
        ):
            route_path = route_path.replace(prefix, path)
        return filled(route_path)


@pytest.fixture(scope="module")
def busy(service: Service) -> Busy:
    return Busy(service)


@pytest.fixture(scope="module")
def stranger(open_browser: Any) -> Any:
    return open_browser()


@pytest.fixture(scope="module")
def member(service: Service, busy: Busy, open_browser: Any) -> Any:
    browser = open_browser()
    browser.get(f"{service.url}/login")
    browser.find_element(By.NAME, "login").send_keys("ann")
    browser.find_element(By.NAME, "password").send_keys(PASSWORD)
    browser.find_element(By.CSS_SELECTOR, "main form button.main").click()
    wait(browser, lambda: browser.find_elements(By.LINK_TEXT, "Home"))
    return browser


def set_scheme(browser: Any, scheme: str) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )


def violations(browser: Any, options: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Run axe-core on the open page. Return the violations: rule, explanation, elements."""
    result = browser.execute_async_script(
        "axe.run(document, arguments[0]).then(arguments[1], (error) => arguments[1]({error: String(error)}))",
        options,
    )
    assert "error" not in result, result["error"]
    return [
        (each["id"], each["help"], [node["html"][:200] for node in each["nodes"]])
        for each in result["violations"]
    ]


def check(browser: Any, url: str) -> None:
    """Check that axe-core finds no violation, that the page has one h1, and that it fits a small phone's screen.

    Every rule runs in light. Only colours differ in dark, so only the contrast rule runs again.
    """
    set_scheme(browser, "light")
    browser.get(url)
    # axe-core ignores what is folded.
    browser.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    browser.execute_script(AXE)
    assert not violations(browser, {}), url
    set_scheme(browser, "dark")
    assert browser.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches")
    assert not violations(browser, {"runOnly": {"type": "rule", "values": ["color-contrast"]}}), (
        f"{url} in dark"
    )
    [heading] = browser.find_elements(By.TAG_NAME, "h1")
    assert (heading.text == "Nothing here") == url.endswith("/nothing-here"), "the page that was meant"
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": False},
    )
    width = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= 320, f"{url} is {width} pixels wide on a screen of 320"
    logged = [
        entry["message"]
        for entry in browser.get_log("browser")
        if "404" not in entry["message"] and entry["level"] in ("SEVERE", "WARNING")
    ]
    assert not logged, url


@pytest.mark.parametrize("path", FOR_VISITORS)
def test_each_page_is_accessible_to_anonymous_visitors(
    service: Service, busy: Busy, stranger: Any, path: str
) -> None:
    check(stranger, service.url + busy.path(path))


@pytest.mark.parametrize("path", FOR_USERS)
def test_each_page_is_accessible_to_users(service: Service, busy: Busy, member: Any, path: str) -> None:
    check(member, service.url + busy.path(path))


@pytest.mark.parametrize("path", ["/", "/public", "/about", "/about/stats", "/search?q=x"])
def test_empty_site_is_accessible(empty_service: Service, stranger: Any, path: str) -> None:
    check(stranger, empty_service.url + path)


def test_front_page_is_small(service: Service, busy: Busy, open_browser: Any) -> None:
    """The front page and its files transfer less than 50 KB with an empty cache."""
    browser = open_browser()
    browser.get(f"{service.url}/")
    sizes = browser.execute_script(
        "return performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource'))"
        ".map((each) => [each.name, each.transferSize])"
    )
    assert all(name.startswith(service.url) for name, _ in sizes), "nothing comes from elsewhere"
    assert sum(size for _, size in sizes) < 50_000, sizes
