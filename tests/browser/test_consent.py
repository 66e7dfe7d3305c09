"""A person lets a program act as them, in a real browser: log in, see who asks, say yes, and arrive at the program."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from selenium.webdriver.common.by import By

from tests.browser.conftest import Open
from tests.browser.service import PASSWORD, Service, Visitor
from tests.browser.test_accessible import AXE
from tests.browser.test_newcomer import wait

pytestmark = pytest.mark.browser

OOB = "urn:ietf:wg:oauth:2.0:oob"


class Program:
    """A program on the person's own machine, which waits for the answer."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        program = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                program.answers.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html><title>Done</title><h1>You can close this page.</h1>")

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/callback"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def program() -> Iterator[Program]:
    made = Program()
    yield made
    made.stop()


def address(service: Service, redirect_uri: str) -> str:
    app = requests.post(
        f"{service.url}/api/v1/apps",
        data={
            "client_name": "A program with a name",
            "redirect_uris": redirect_uri,
            "scopes": "read write follow push write:media",
            "website": "https://program.example",
        },
        timeout=30,
    ).json()
    asked = {
        "response_type": "code",
        "client_id": app["client_id"],
        "redirect_uri": redirect_uri,
        "scope": "read write:media follow",
        "state": "a state",
    }
    return f"{service.url}/oauth/authorize?{urlencode(asked)}"


def picture(browser: Any, name: str) -> None:
    """For people to look at, where MICROBLOG_TEST_PICTURES names a folder."""
    folder = os.environ.get("MICROBLOG_TEST_PICTURES")
    if folder:
        for width in (390, 1280):
            browser.set_window_size(width, 900)
            browser.save_screenshot(f"{folder}/{name}-{width}.png")


def is_accessible(browser: Any) -> None:
    browser.execute_script(AXE)
    found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    assert [each["id"] for each in found["violations"]] == []


def test_user_logs_in_allows_and_returns_to_the_app(
    service: Service, open_browser: Open, program: Program
) -> None:
    Visitor(service.url).sign_up("gil")
    browser = open_browser()
    browser.get(address(service, program.url))
    browser.find_element(By.NAME, "login").send_keys("gil")
    browser.find_element(By.NAME, "password").send_keys(PASSWORD)
    browser.find_element(By.CSS_SELECTOR, "main form button").click()
    wait(browser, lambda: "A program with a name" in browser.page_source)
    is_accessible(browser)
    picture(browser, "consent")
    browser.find_element(By.CSS_SELECTOR, "button[value=allow]").click()
    wait(browser, lambda: "close this page" in browser.page_source)
    answer = parse_qs(urlsplit(program.answers[0]).query)
    assert answer["state"] == ["a state"]
    assert len(answer["code"][0]) > 30


def test_out_of_band_the_code_can_be_copied_and_the_app_revoked(service: Service, open_browser: Open) -> None:
    visitor = Visitor(service.url).sign_up("hal")
    browser = open_browser()
    browser.get(service.url + "/login")
    browser.find_element(By.NAME, "login").send_keys(visitor.name)
    browser.find_element(By.NAME, "password").send_keys(PASSWORD)
    browser.find_element(By.CSS_SELECTOR, "main form button").click()
    browser.get(address(service, OOB))
    browser.find_element(By.CSS_SELECTOR, "button[value=allow]").click()
    wait(browser, lambda: bool(browser.find_elements(By.ID, "f-code")))
    assert len(browser.find_element(By.ID, "f-code").get_attribute("value")) > 30
    is_accessible(browser)
    picture(browser, "code")
    browser.get(service.url + "/settings/apps")
    is_accessible(browser)
    picture(browser, "apps")
