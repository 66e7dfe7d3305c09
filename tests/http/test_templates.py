"""Templates: escaping, names, filters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import jinja2
import pytest

from microblog.http.templates import Templates, format_count, format_day
from microblog.web.static import Assets

NOW = datetime(2026, 3, 4, 17, 5, tzinfo=UTC)


def templates(folder: Path, **sources: str) -> Templates:
    (folder / "css").mkdir(exist_ok=True)
    (folder / "css" / "site.css").write_text("a{}")
    directory = folder / "templates"
    directory.mkdir(exist_ok=True)
    for name, source in sources.items():
        (directory / f"{name}.html").write_text(source)
    return Templates(directory, Assets(folder / "css").url, {"name": "Test"}, now=lambda: NOW)


def test_values_are_escaped(tmp_path: Path) -> None:
    made = templates(tmp_path, a="<p title='{{ x }}'>{{ x }}</p>{{ _('%(who)s said', who=x) }}")
    assert "<script" not in made.render("a.html", x="'\"><script>")


def test_undefined_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(jinja2.UndefinedError):
        templates(tmp_path, a="{{ nothing }}").render("a.html")


def test_broken_template_fails_at_start(tmp_path: Path) -> None:
    with pytest.raises(jinja2.TemplateError):
        templates(tmp_path, a="{% if %}")


def test_text_goes_through_translation(tmp_path: Path) -> None:
    made = templates(
        tmp_path, a="{% trans n=2 %}one{% pluralize %}{{ n }} of them{% endtrans %}, {{ site.name }}"
    )
    assert made.render("a.html") == "2 of them, Test"


def test_static_address_has_the_hash(tmp_path: Path) -> None:
    assert templates(tmp_path, a="{{ static_url('site.css') }}").render("a.html").startswith("/static/site.")


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=23, minutes=59), "23 h"),
        (timedelta(days=6, hours=23), "6 d"),
        (timedelta(days=7), "25 Feb 2026"),
    ],
)
def test_times_are_relative_with_the_full_date_as_title(tmp_path: Path, ago: timedelta, text: str) -> None:
    when = NOW - ago
    markup = templates(tmp_path, a="{{ when | relative_time }}").render("a.html", when=when)
    assert markup.endswith(f">{text}</time>")
    assert f'datetime="{when:%Y-%m-%dT%H:%M:%SZ}"' in markup
    assert 'title="' in markup


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=10), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(days=6, hours=23), "6 d ago"),
        (timedelta(days=7), "on 25 Feb 2026"),
    ],
)
def test_relative_time_may_end_a_sentence(tmp_path: Path, ago: timedelta, text: str) -> None:
    when = NOW - ago
    markup = templates(tmp_path, a="seen {{ when | relative_time(ago=true) }}").render("a.html", when=when)
    assert markup.endswith(f">{text}</time>")


def test_dates_are_formatted() -> None:
    assert format_day(NOW) == "4 Mar 2026"
    assert format_day(NOW, "full") == "4 March 2026 at 17:05 UTC"
    assert format_day(NOW.date(), "full") == "4 March 2026"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1234, "1,234"),
        (9999, "9,999"),
        (12_345, "12.3K"),
        (999_999, "999K"),
        (1_234_567, "1.2M"),
        (2_000_000, "2M"),
        (3_100_000_000, "3.1B"),
    ],
)
def test_counts_are_shortened(number: int, text: str) -> None:
    assert format_count(number) == text
