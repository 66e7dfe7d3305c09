"""Forms in the eyes of screen readers and password managers."""

from __future__ import annotations

import re

import pytest

from microblog.runtime.resources import templates_dir
from tests.web.html.html_site import HtmlSite, Person

BUTTON = re.compile(r"""aria-label="\{\{ _\('([^']+)'.*?>\{\{ _\("([^"]+)"\) \}\}</button>""")


@pytest.mark.parametrize("path", sorted(templates_dir().glob("**/*.html")), ids=lambda path: path.name)
def test_the_name_of_a_button_begins_with_its_visible_words(path: object) -> None:
    for label, text in BUTTON.findall(path.read_text()):  # type: ignore[attr-defined]
        assert label.startswith(text), (label, text)


def password_forms_without_name(page: object) -> list[str]:
    forms = page.html.xpath("//main//form[.//input[@type='password']]")  # type: ignore[attr-defined]
    return [
        form.action for form in forms if not form.xpath(".//input[@autocomplete='username' and @type='text']")
    ]


async def test_each_form_with_a_password_names_the_user(html_site: HtmlSite) -> None:
    ann: Person = await html_site.person("ann")
    for path in ("/settings/password", "/settings/email", "/settings/delete"):
        assert password_forms_without_name(await ann.get(path)) == []
    await html_site.microblog.credentials.ask_for_reset("ann@example.org")
    await html_site.microblog.credentials.request_reset("ann@example.org")
    token = await html_site.secret_of("mail.reset")
    page = await html_site.stranger().get(f"/password/reset/{token}")
    assert page.html.xpath("//input[@name='username']/@value") == ["ann"]
    for path in ("/login", "/signup"):
        assert password_forms_without_name(await html_site.stranger().get(path)) == []


async def test_the_summary_of_errors_links_to_fields_that_exist(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    sent = [
        ("/settings/filters/new", {"title": "", "keywords": "", "action": "nonsense"}),
        ("/settings/filters/new", {"title": "Rain", "keywords": "x" * 5000, "home": "on", "action": "hide"}),
        ("/settings/filters/new", {"title": "Rain", "keywords": "rain", "action": "hide"}),
        ("/settings/filters/new", {"title": "Rain", "keywords": "rain", "home": "on", "action": "nonsense"}),
        ("/settings/preferences", {"default_visibility": "nonsense"}),
        ("/settings/password", {"old": "", "password": ""}),
        ("/lists", {"title": ""}),
        ("/settings", {"display_name": "x" * 500}),
    ]
    for path, form in sent:
        page = await ann.send(path, form)
        assert page.status == 422, (path, form)
        for target in page.html.xpath("//div[@class='problems']//a/@href"):
            assert page.html.xpath(f"//*[@id='{target[1:]}']"), (path, target)


async def test_every_page_has_a_description_by_default(html_site: HtmlSite) -> None:
    for path in ("/", "/public", "/about", "/login"):
        page = await html_site.stranger().get(path)
        assert page.html.xpath("//meta[@name='description']/@content")[0]
