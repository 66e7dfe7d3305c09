"""Posts as HTML and back, and the sanitiser that all HTML passes."""

from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain import render
from microblog.domain.hosts import shown_host
from microblog.domain.links import Link
from microblog.domain.render import MentionTarget
from microblog.domain.text import parse
from tests.domain.corpora import FLOODS, HOSTILE, SCRIPTING, posts

MENTIONS = {
    "bob": MentionTarget("bob", "/@bob"),
    "bob@example.com": MentionTarget("bob", "https://example.com/@bob?a=1&b=2"),
}
REL = 'rel="nofollow noopener ugc"'


def html(source: str) -> str:
    return render.html(parse(source), MENTIONS)


class TestHtml:
    def test_has_paragraphs_and_lines(self) -> None:
        assert html("one\ntwo\n\n\nthree") == "<p>one<br>two</p><p>three</p>"

    def test_of_nothing_is_nothing(self) -> None:
        assert html("") == ""

    def test_escapes_what_is_typed(self) -> None:
        assert html("<b>&amp;\"'\xa0x") == "<p>&lt;b&gt;&amp;amp;\"'&nbsp;x</p>"

    def test_links_mentions_that_are_somebody(self) -> None:
        assert html("Hi @Bob!") == (
            '<p>Hi <span class="h-card"><a href="/@bob" class="u-url mention">@<span>bob</span></a></span>!</p>'
        )
        assert 'href="https://example.com/@bob?a=1&amp;b=2"' in html("@bob@example.com")

    def test_leaves_mentions_of_nobody(self) -> None:
        assert html("Hi @nobody & @bob@nowhere.example") == "<p>Hi @nobody &amp; @bob@nowhere.example</p>"

    def test_links_hashtags_by_their_key(self) -> None:
        assert (
            html("#First")
            == '<p><a href="/tags/first" class="mention hashtag" rel="tag">#<span>First</span></a></p>'
        )
        assert 'href="/tags/%E6%9D%B1%E4%BA%AC"' in html("＃東京")

    def test_shows_short_links_whole_but_for_the_scheme(self) -> None:
        assert html("https://example.com/a?b&c") == (
            f'<p><a href="https://example.com/a?b&amp;c" dir="ltr" {REL}><span class="invisible">https://</span>'
            "<span>example.com/a?b&amp;c</span></a></p>"
        )

    def test_hides_the_tail_of_long_links(self) -> None:
        assert html("https://example.com/0123456789/0123456789") == (
            f'<p><a href="https://example.com/0123456789/0123456789" dir="ltr" {REL}>'
            '<span class="invisible">https://</span><span class="ellipsis">example.com/0123456789/0123456</span>'
            '<span class="invisible">789</span></a></p>'
        )

    @pytest.mark.parametrize(
        ("source", "shown"),
        [
            ("https://" + "sub." * 20 + "evil.example/x", "sub." * 20 + "evil.example"),
            ("https://пример.рф/", "пример.рф/"),
            ("https://bücher.de/", "bücher.de/"),
            ("https://東京.jp/", "東京.jp/"),
            ("https://аррӏе.com/", "xn--80ak6aa92e.com/"),
            ("https://gооgle.com/", "xn--ggle-55da.com/"),
            ("https://EXAMPLE.com/", "example.com/"),
        ],
    )
    def test_always_shows_the_real_host(self, source: str, shown: str) -> None:
        visible = Visible()
        visible.feed(html(source))
        assert visible.text.startswith(shown)

    @given(posts())
    def test_never_hides_a_host(self, source: str) -> None:
        parsed = parse(source)
        for link in parsed.links:
            visible = Visible()
            visible.feed(html(parsed.text[link.start : link.end]))
            assert visible.text.startswith(shown_host(link.host))

    @given(posts())
    def test_is_what_the_sanitiser_lets_through(self, source: str) -> None:
        rendered = html(source)
        assert render.sanitise(rendered) == rendered

    @pytest.mark.parametrize("source", [text for text in HOSTILE if text not in FLOODS])
    def test_of_hostile_text_is_harmless(self, source: str) -> None:
        rendered = html(source)
        assert render.sanitise(rendered) == rendered
        Harmless().feed(rendered)

    @pytest.mark.parametrize("source", FLOODS, ids=range(len(FLOODS)))
    def test_of_a_flood_is_made_like_any_other(self, source: str) -> None:
        Harmless().feed(html(source[:30_000]))

    def test_becomes_absolute_without_touching_the_text(self) -> None:
        absolute = render.absolute(
            html('#a @bob <a href="/x"> https://example.com/'), "https://social.example"
        )
        assert '<a href="https://social.example/tags/a"' in absolute
        assert '<a href="https://social.example/@bob"' in absolute
        assert '<a href="https://example.com/"' in absolute
        assert '&lt;a href="/x"&gt;' in absolute


class TestPlain:
    @given(posts())
    def test_gives_back_what_was_typed(self, source: str) -> None:
        parsed = parse(source)
        expected, position = [], 0
        for entity in parsed.entities:
            expected.append(parsed.text[position : entity.start])
            typed = parsed.text[entity.start : entity.end]
            if isinstance(entity, Link):
                scheme = typed[: typed.index("://")].lower()
                port = typed[: entity.authority_end - entity.start].partition("://")[2].partition(":")
                rest = parsed.text[entity.authority_end : entity.end]
                typed = f"{scheme}://{shown_host(entity.host)}{port[1]}{port[2]}{rest}"
            elif not hasattr(entity, "key") and entity.address in MENTIONS:
                typed = f"@{entity.name}"
            expected.append(typed)
            position = entity.end
        expected.append(parsed.text[position:])
        assert render.plain(html(source)) == "".join(expected)

    @pytest.mark.parametrize(
        ("source", "plain"),
        [
            ("<p>one<br>two</p><p>three &lt;b&gt; &amp;lt;</p>", "one\ntwo\n\nthree <b> &lt;"),
            ("<ul><li>one</li><li>two</li></ul>", "- one\n\n- two"),
            ("<blockquote><p>said</p></blockquote><p>so</p>", "said\n\nso"),
            ("<p>one\n  two</p>", "one two"),
            ('<a href="https://example.com/&quot;&gt;">x</a>', "x"),
            ("", ""),
        ],
    )
    def test_reads_what_other_servers_send(self, source: str, plain: str) -> None:
        assert render.plain(render.sanitise(source)) == plain

    @given(st.text())
    def test_takes_anything(self, source: str) -> None:
        render.plain(source)


class TestSanitise:
    @pytest.mark.parametrize("source", SCRIPTING)
    def test_leaves_nothing_that_acts(self, source: str) -> None:
        clean = render.sanitise(source)
        Harmless().feed(clean)
        assert render.sanitise(clean) == clean

    @given(
        st.lists(st.sampled_from([*SCRIPTING, "<p>", "</p>", "<svg>", "<a href=/x>", "</a>", "x"])).map(
            "".join
        )
    )
    def test_is_its_own_fixed_point(self, source: str) -> None:
        clean = render.sanitise(source)
        Harmless().feed(clean)
        assert render.sanitise(clean) == clean

    def test_keeps_formatting(self) -> None:
        kept = "<p><b>a</b> <em>b</em> <code>c</code></p><blockquote>d</blockquote><ul><li>e</li></ul>"
        assert render.sanitise(kept) == kept

    def test_marks_every_link_that_leaves_the_site(self) -> None:
        assert (
            render.sanitise('<a href="https://example.com/">x</a>')
            == f'<a href="https://example.com/" {REL}>x</a>'
        )
        assert (
            render.sanitise('<a rel="tag" href="https://a.example/">x</a>')
            == f'<a href="https://a.example/" {REL}>x</a>'
        )
        assert (
            render.sanitise('<a rel="me" href="HTTPS://a.example/">x</a>')
            == f'<a href="HTTPS://a.example/" {REL}>x</a>'
        )

    @pytest.mark.parametrize(
        "href", ["//evil.example", "/\\evil.example", "/\t/evil.example", "x", "?x", "javascript:x"]
    )
    def test_drops_addresses_that_only_look_local(self, href: str) -> None:
        assert render.sanitise(f'<a href="{href}">x</a>') == "<a>x</a>"


class Harmless(HTMLParser):
    """Fails on any tag or attribute that a post can't have."""

    TAGS = frozenset(
        {
            *("p", "br", "a", "span", "b", "strong", "i", "em", "u", "s", "del"),
            *("code", "pre", "blockquote", "ul", "ol", "li"),
        }
    )
    CLASSES = frozenset({"mention", "hashtag", "u-url", "h-card", "invisible", "ellipsis"})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.TAGS
        for name, value in attrs:
            assert value is not None
            if name == "href":
                assert tag == "a"
                assert value.lower().startswith(("http://", "https://")) or (
                    value[0] == "/" and value[1:2] not in {"/", "\\"}
                )
            elif name == "class":
                assert set(value.split()) <= self.CLASSES
            else:
                assert (name, value) in {("rel", "tag"), ("rel", "nofollow noopener ugc"), ("dir", "ltr")}

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


class Visible(HTMLParser):
    """What of a rendering is not hidden by its class."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.hidden = [False]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "br":
            self.hidden.append(self.hidden[-1] or ("class", "invisible") in attrs)

    def handle_endtag(self, tag: str) -> None:
        self.hidden.pop()

    def handle_data(self, data: str) -> None:
        if not self.hidden[-1]:
            self.text += unescape(data)


def test_only_links_of_profile_fields_say_that_they_are_about_the_account() -> None:
    source = f"https://example.org @bob #tag text: {REL}"
    shown = render.field(parse(source), {"bob": MentionTarget("bob", "/@bob")})
    assert shown.startswith('<a href="https://example.org" dir="ltr" rel="me nofollow noopener ugc">')
    assert shown.count('rel="me ') == 1
    assert shown.endswith(f"text: {REL}")
    assert 'rel="me' not in render.html(parse(source), {})
    assert 'rel="me' not in render.sanitise('<p><a rel="me" href="https://example.org">x</a></p>')
