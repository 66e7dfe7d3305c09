"""Twice the text costs at most about twice the work, in each function of the domain that takes a client's text."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import microblog.domain
from microblog.domain import (
    addresses,
    counting,
    filters,
    hosts,
    ids,
    language,
    links,
    lists,
    matching,
    normalisation,
    oauth,
    paragraphs,
    render,
    scopes,
    search,
    tags,
    text,
    validation,
    word_boundaries,
)
from microblog.domain.errors import MicroblogError

#: Patterns that made some library or some version of this project slow. Each is repeated.
PATTERNS = {
    "mixed marks": "\u0301\u0316",
    "marks of three classes": "\u0301\u0316\u0334",
    "marks that decompose": "\u0344\u0f73\u0316",
    "half-width voicing marks": "\uff9e\u0316\u0301",
    "marks between invisibles": "\u0316\u200b\u0301\u00ad\u0334\ufeff",
    "regional indicators": "\U0001f1e6",
    "flags and marks": "\U0001f1e6\U0001f1e7\U0001f1e8\u0301",
    "joiners": "\u200d",
    "joined emoji": "👩\u200d",
    "variation selectors": "\ufe0f",
    "keycaps": "1\ufe0f\u20e3",
    "hangul": "\u1100",
    "conjuncts": "क\u094d",
    "dotted capital i": "İ",
    "ligature": "ﷺ",
    "opening brackets": "(",
    "closing brackets": ")",
    "brackets of other scripts": "（【«",
    "nested brackets": "([{",
    "spaces": " ",
    "wide spaces": "\u3000\xa0",
    "lines": "\n",
    "lines of spaces": " \n\t",
    "letter and spaces": "a    ",
    "raw <": "<",
    "raw < and quotes": '<"',
    "tags": "<p>",
    "closing tags": "</p>",
    "entities": "&lt;",
    "ampersands": "&",
    "mixed scripts": "aбγא中हあ한",
    "number signs": "#",
    "hashtags": "#é ",
    "hashtags with dots": "#a·",
    "at signs": "@",
    "mentions": "@a",
    "remote mentions": "@a@é.b ",
    "broken remote mentions": "@a@a.",
    "schemes": "https://",
    "links": "https://ü.example/ ",
    "links in one word": "https://a.b(",
    "link and dots": "https://a.b/.",
    "links with marks": "https://a.b/\u0301,",
    "hosts of underscores": "https://_.",
    "hosts of emoji": "https://☕.b🎉",
    "punycode": "xn--a.",
    "dots": ".",
    "dashes": "-",
    "underscores": "_",
    "quotes": '"',
    "minus and quotes": '-"',
    "operators": "from:a ",
    "digits": "1",
    "digits of other scripts": "١२",
    "percent signs": "%F0",
    "backslashes": "\\",
    "lone surrogates": "\ud800",
    "letters": "ab",
}


def _for_limit(function: Callable[..., Any]) -> Callable[[str], Any]:
    return lambda source: function(source, 200)


#: Each function that takes a client's text, called with that text where it matters.
FUNCTIONS: dict[Any, Callable[[str], Any]] = {
    counting.clusters: counting.clusters,
    counting.graphemes: counting.graphemes,
    counting.shorten: _for_limit(counting.shorten),
    filters.filter_action: filters.filter_action,
    filters.filter_contexts: lambda source: filters.filter_contexts([source]),
    filters.filter_keyword: filters.filter_keyword,
    filters.filter_title: filters.filter_title,
    addresses.address_key: addresses.address_key,
    word_boundaries.is_spaceless: lambda source: [word_boundaries.is_spaceless(letter) for letter in source],
    word_boundaries.starts_inside_word: lambda source: word_boundaries.starts_inside_word(
        source, len(source) - 1
    ),
    word_boundaries.link_starts_inside_word: lambda source: word_boundaries.link_starts_inside_word(
        source, len(source) - 1
    ),
    word_boundaries.word_continues: lambda source: word_boundaries.word_continues(source, 1),
    hosts.host: hosts.host,
    hosts.link_host: hosts.link_host,
    hosts.shown_host: hosts.shown_host,
    ids.parse_id: ids.parse_id,
    links.find_link: lambda source: links.find_link(f" https://{source}", 1, 9),
    links.address_token: links.address_token,
    links.remote_host: lambda source: links.remote_host(source, 0),
    language.language_code: language.language_code,
    language.known_language: language.known_language,
    language.native_name: language.native_name,
    lists.list_title: lists.list_title,
    lists.replies_policy: lists.replies_policy,
    matching.Needle.of.__func__: lambda source: matching.find_keywords(  # type: ignore[attr-defined]
        [matching.Needle.of(source, whole_word=True)], matching.PostText(source)
    ),
    validation.bio: validation.bio,
    validation.display_name: validation.display_name,
    validation.email: lambda source: (validation.email(source), validation.email(f"a@{source}")),
    validation.known_email: lambda source: validation.known_email(f"a@{source}"),
    validation.known_name: validation.known_name,
    validation.login_key: lambda source: (validation.login_key(source), validation.login_key(f"a@{source}")),
    validation.password: lambda source: validation.password(source, source, source),
    validation.profile_field: lambda source: validation.profile_field(source, source),
    validation.profile_fields: lambda source: validation.profile_fields([(source, source)]),
    validation.user_name: validation.user_name,
    normalisation.exact: normalisation.exact,
    normalisation.fold: normalisation.fold,
    normalisation.normal_form: lambda source: [
        normalisation.normal_form(form, source) for form in ("NFC", "NFD", "NFKC", "NFKD")
    ],
    oauth.challenge: lambda source: oauth.challenge(source, "S256"),
    oauth.redirect_uri: oauth.redirect_uri,
    oauth.verifies: lambda source: oauth.verifies(source, "x"),
    paragraphs.split_paragraphs: paragraphs.split_paragraphs,
    render.absolute: lambda source: render.absolute(source, "https://example.org"),
    render.field: lambda source: render.field(text.parse(source), {}),
    render.html: lambda source: render.html(text.parse(source), {}),
    render.plain: render.plain,
    render.sanitise: render.sanitise,
    scopes.covers: lambda source: scopes.covers(frozenset({"read"}), source),
    scopes.narrowed: lambda source: scopes.narrowed([source], frozenset({"read"})),
    scopes.parse: scopes.parse,
    search.document: search.document,
    search.indexed: lambda source: search.indexed(text.parse(source), source),
    search.page_at: lambda source: search.page_at(source, "example.org"),
    search.parse_query: search.parse_query,
    search.query: search.query,
    tags.tag_key: tags.tag_key,
    tags.tag_named: tags.tag_named,
    text.hashtag_key: text.hashtag_key,
    text.is_blank: text.is_blank,
    text.length: text.length,
    text.normalise: text.normalise,
    text.one_line: _for_limit(text.one_line),
    text.parse: text.parse,
}

#: Functions with a ``str`` that is no client's text: records, keys of the project's own.
NO_TEXT = {
    "accounts.Viewer.can",
    "buckets.Buckets.spend",
    "rate_limits.RateLimits.knows",
    "rate_limits.RateLimits.spend",
    "rate_limits.RateLimits.spend_by_address",
    "rate_limits.RateLimits.spend_from",
    "rate_limits.network_key",
    "replies.Reply.missing",
    "replies.names",
    "streams.key",
}


def _own(module: Any, holder: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in vars(holder).items():
        function = getattr(value, "__func__", value)
        if name.startswith("_") or getattr(function, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(function):
            yield from _own(module, function, f"{prefix}.{name}")
        elif inspect.isfunction(inspect.unwrap(function)):
            parameters = inspect.signature(function).parameters.values()
            if any("str" in str(each.annotation).replace("<class '", "") for each in parameters):
                yield f"{prefix}.{name}", function


def _takes_text() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for info in pkgutil.iter_modules(microblog.domain.__path__):
        module = importlib.import_module(f"microblog.domain.{info.name}")
        found |= dict(_own(module, module, info.name))
    return found


def test_each_function_that_takes_text_is_measured() -> None:
    for name, function in _takes_text().items():
        assert name in NO_TEXT or function in FUNCTIONS, f"Add {name} to FUNCTIONS, or to NO_TEXT."


def _work(call: Callable[[str], Any], source: str) -> float:
    """The processor time of one call, in seconds."""
    start = time.process_time()
    try:
        call(source)
    except (MicroblogError, ValueError):
        pass
    return time.process_time() - start


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: f"{each.__module__}.{each.__name__}")
def test_twice_the_text_is_about_twice_the_work(function: Any) -> None:
    call = FUNCTIONS[function]
    for name, pattern in PATTERNS.items():
        for before in ("", "a", "https://a.b/"):
            half, whole = (before + (pattern * size)[:size] for size in (10_000, 20_000))
            # What takes less than this is not worth a measurement; quadratic work takes seconds.
            if _work(call, whole) < 0.02:
                continue
            most = 4 * min(_work(call, half) for _ in range(3)) + 0.02
            assert any(_work(call, whole) < most for _ in range(5)), f"{name!r} after {before!r}"


def test_no_cache_remembers_a_huge_text() -> None:
    for function in (hosts._host, hosts._link_host, hosts._shown_host, text._hashtag_key):
        function.cache_clear()
    for source in ("a" * 100_000, " " * 100_000 + "example.org", "xn--a" * 20_000, "é" * 100_000):
        for call in (hosts.host, hosts.link_host, hosts.shown_host, text.hashtag_key):
            try:
                call(source)
            except MicroblogError:
                continue
    assert text._hashtag_key.cache_info().currsize == 0
    assert hosts._link_host.cache_info().currsize == 0
    assert hosts._shown_host.cache_info().currsize == 0
    assert hosts._host.cache_info().currsize <= 1  # the padded name, without its padding
