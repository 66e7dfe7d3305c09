"""A site in a process of its own, and a Chromium. Without a Chromium the tests here are skipped with a message."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.service import Service, Visitor
from tests.conftest import wait_for
from tests.database import Cluster

CHROMIUM = next(
    filter(
        None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    ),
    None,
)
DRIVER = shutil.which("chromedriver")


@pytest.fixture(scope="module")
def service(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An empty site."""
    dsn = wait_for(cluster.fresh())
    made = Service(dsn, tmp_path_factory.mktemp("site"))
    yield made
    made.stop()
    wait_for(cluster.drop(dsn))


@pytest.fixture(scope="module")
def empty_service(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A second site, which stays empty."""
    dsn = wait_for(cluster.fresh())
    made = Service(dsn, tmp_path_factory.mktemp("empty-site"))
    yield made
    made.stop()
    wait_for(cluster.drop(dsn))


@pytest.fixture
def visitor(service: Service) -> Callable[[], Visitor]:
    return lambda: Visitor(service.url)


Open = Callable[..., Any]


@pytest.fixture(scope="module")
def open_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """``open_browser(script=True)``: a Chromium with a fresh profile."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("There is no Chromium here, or no chromedriver: install both to run the browser's tests.")
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service as Driver

    opened: list[Any] = []

    def open_one(*, script: bool = True) -> Any:
        options = Options()
        options.binary_location = CHROMIUM
        for argument in (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--force-prefers-reduced-motion", "--disable-dev-shm-usage",
            "--window-size=1000,900", "--no-proxy-server",
            f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
        ):  # fmt: skip
            options.add_argument(argument)
        if not script:
            options.add_experimental_option(
                "prefs", {"profile.managed_default_content_settings.javascript": 2}
            )
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=Driver(DRIVER))
        driver.set_page_load_timeout(60)
        driver.set_script_timeout(60)
        opened.append(driver)
        return driver

    yield open_one
    for driver in opened:
        driver.quit()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
