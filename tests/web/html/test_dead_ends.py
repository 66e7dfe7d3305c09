"""Addresses that lead nowhere say so at once, or lead on."""

from __future__ import annotations

import pytest

from microblog.domain.posts import Draft
from microblog.http.route import Route
from tests.web.html.html_site import HtmlSite
from tests.web.page_routes import FORMS, ROUTES, path_of

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
READ = {route.path for route in ROUTES if route.method == "GET"}
FORMS_ONLY = [route for route in FORMS if route.path not in READ]


@pytest.mark.parametrize("route", FORMS_ONLY, ids=lambda route: route.name)
async def test_opening_the_address_of_a_form_leads_to_a_page(html_site: HtmlSite, route: Route) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    chosen = await html_site.microblog.lists.create(ann.viewer, "Friends")
    made = await html_site.microblog.filters.create(ann.viewer, "Rain", ["home"])
    numbers = {"/lists/": chosen.id, "/settings/filters/": made.id}
    number = next((each for start, each in numbers.items() if route.path.startswith(start)), post.id)
    path = path_of(route, id=number)
    page = await ann.get(path, headers=BROWSER)
    if route.path.startswith("/oauth/"):
        return
    assert page.status == 303, path
    page = await ann.get(path, headers=BROWSER, follow=True)
    assert page.status == 200, (path, page.path)
    if path.startswith("/posts/"):
        assert page.path == post.path


async def test_client_that_gets_the_address_of_a_form_is_refused(html_site: HtmlSite) -> None:
    page = await html_site.stranger().get("/logout", headers={"Accept": "application/json"})
    assert (page.status, page.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("registration", ["approval", "invitation"])
@pytest.mark.parametrize("spoilt", ["used", "withdrawn", "unknown", "suspended inviter"])
async def test_void_invitation_is_refused_before_the_form_is_filled_in(
    html_site: HtmlSite, registration: str, spoilt: str
) -> None:
    owner = await html_site.person("olga")
    await html_site.person("bob")
    html_site.set(registration="invitation")
    bob = await html_site.logged_in((await html_site.microblog.accounts.in_any_state("bob"))[0])
    made = await html_site.microblog.invitations.create(bob.viewer, uses=1, days=7)
    html_site.set(registration=registration)
    code = made.code
    assert owner.viewer.role.moderates
    match spoilt:
        case "used":
            html_site.set(registration="invitation")
            await html_site.microblog.sign_up.register(
                "eve", "eve@example.org", "a long enough passphrase", invitation=code
            )
            html_site.set(registration=registration)
        case "withdrawn":
            await html_site.microblog.invitations.withdraw(bob.viewer, made.id)
        case "unknown":
            code = "unknown"
        case "suspended inviter":
            await html_site.microblog.moderation.suspend("bob")
    page = await html_site.stranger().get(f"/join/{code}")
    assert page.status == 404
    assert "This invitation can't be used any more" in page.html.xpath("string(//main)")


@pytest.mark.parametrize("purpose", ["reset", "confirm"])
async def test_void_link_of_a_mail_is_refused_before_the_form_is_filled_in(
    html_site: HtmlSite, purpose: str
) -> None:
    await html_site.person("ann")
    path = {"reset": "/password/reset", "confirm": "/confirm"}[purpose]
    page = await html_site.stranger().get(f"{path}/nonsense")
    assert page.status == 404
    assert page.html.xpath("string(//h1)") == "This link no longer works"
    assert not page.html.xpath("//main//input[@type='password']")
