"""Each route of the forms: who gets in, and that nothing forged does."""

from __future__ import annotations

import pytest

from microblog.http.route import Route
from microblog.web.html import (
    actions,
    admin,
    compose,
    conversations,
    email,
    filters,
    invitations,
    lists,
    log_in,
    notification_policy,
    password,
    relations,
    security,
    settings,
    sign_up,
    tags,
)
from tests.web.html.html_site import HtmlSite

MODULES = (
    actions,
    admin,
    compose,
    conversations,
    email,
    filters,
    invitations,
    lists,
    log_in,
    notification_policy,
    password,
    relations,
    security,
    settings,
    sign_up,
    tags,
)
ROUTES = [route for module in MODULES for route in module.routes]
MUTATING = [route for route in ROUTES if route.method == "POST"]
#: What one does before one is somebody here.
FOR_STRANGERS = {"log_in", "sign_up", "password"}


def path_of(route: Route) -> str:
    """The route's path, with something in its gaps."""
    filled = route.path.replace("<int:id>", "1").replace("<name>", "ann").replace("<tag>", "tea")
    return filled.replace("<token>", "nonsense").replace("<code>", "nonsense")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_only_what_strangers_need_is_open_to_them(route: Route) -> None:
    table = route.name.partition(".")[0]
    assert (route.viewer == "required") is (table not in FOR_STRANGERS)


@pytest.mark.parametrize("route", MUTATING, ids=lambda route: route.name)
def test_every_change_wants_a_token_and_is_not_cut_off(route: Route) -> None:
    assert route.csrf
    assert route.shielded


async def test_strangers_are_sent_to_the_log_in(html_site: HtmlSite) -> None:
    await html_site.person("ann")
    for route in ROUTES:
        if route.viewer != "required":
            continue
        browser = html_site.stranger()
        await browser.csrf_from("/login")
        page = await browser.request(
            route.method, path_of(route), form={} if route.method == "POST" else None
        )
        assert page.status == 303, route.name
        assert page.headers["location"].startswith("/login"), route.name


async def test_a_form_without_its_token_is_refused_everywhere(html_site: HtmlSite) -> None:
    ann, eve = await html_site.person("ann"), await html_site.person("eve")
    foreign = await eve.browser.csrf_from("/settings")
    for route in MUTATING:
        for form in ({}, {"csrf_token": "nonsense"}, {"csrf_token": foreign}):
            page = await ann.browser.post(path_of(route), form=form, csrf=False)
            assert page.status == 403, route.name
            assert page.html.xpath("//h1"), route.name
    assert (await ann.get("/settings")).status == 200
    (account, _user) = (await html_site.microblog.accounts.all())[0]
    assert account.name == "ann"
