"""All forms: which ones need a log-in, and that a forged form is refused."""

from __future__ import annotations

import pytest

from microblog.http.route import Route
from tests.web.html.html_site import HtmlSite
from tests.web.page_routes import FORMS, ROUTES, path_of

#: the routes that work without a log-in although they change something or are not public
OPEN = {
    "/login", "/logout", "/signup", "/join/<code>", "/password/forgotten", "/password/reset/<token>",
    "/confirm/<token>", "/unsubscribe/<token>", "/theme", "/search", "/live",
}  # fmt: skip
#: the forms without a token; their modules say why
WITHOUT_TOKEN = {"/unsubscribe/<token>", "/theme"}
WITH_TOKEN = [route for route in FORMS if route.path not in WITHOUT_TOKEN]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_only_public_and_listed_routes_work_without_a_log_in(route: Route) -> None:
    assert (route.viewer == "required") is not (route.public or route.path in OPEN)


@pytest.mark.parametrize("route", FORMS, ids=lambda route: route.name)
def test_each_form_checks_a_token_and_finishes_when_the_client_leaves(route: Route) -> None:
    assert route.csrf is (route.path not in WITHOUT_TOKEN)
    assert route.shielded


async def test_anonymous_visitors_are_sent_to_the_log_in(html_site: HtmlSite) -> None:
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


async def test_each_form_is_refused_without_its_token(html_site: HtmlSite) -> None:
    ann, eve = await html_site.person("ann"), await html_site.person("eve")
    foreign = await eve.browser.csrf_from("/settings")
    for route in WITH_TOKEN:
        for form in ({}, {"csrf_token": "nonsense"}, {"csrf_token": foreign}):
            page = await ann.browser.post(path_of(route), form=form, csrf=False)
            assert page.status == 403, route.name
            assert page.html.xpath("//h1"), route.name
    assert (await ann.get("/settings")).status == 200
    (account, _user) = (await html_site.microblog.accounts.all())[0]
    assert account.name == "ann"
