"""How a mail looks, and that hostile words stay words."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from email.message import EmailMessage

import pytest

from microblog.config.load import Config
from microblog.store.engine.database import Database
from microblog.tasks.mailers import WIRE
from tests.tasks.post import NOW, Post, mentioned, parts


async def test_bob_gets_a_mail(post: Post) -> None:
    bob, _, notification = await mentioned(post)
    await post.run(account=bob)
    [message] = post.messages
    assert message["To"] == "Bob <bob@example.org>"
    assert message["Subject"] == "Alice mentioned you · HtmlSite"
    assert message["Message-ID"] == f"<mention.{notification}@social.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == NOW
    for content in parts(message):
        assert "Hello @bob #first" in content
        assert "https://social.example/@alice/" in content
        assert "https://social.example/settings/preferences" in content


async def test_both_texts_are_there_plain_first(post: Post) -> None:
    bob, *_ = await mentioned(post)
    await post.run(account=bob)
    assert [part.get_content_type() for part in post.messages[0].iter_parts()] == ["text/plain", "text/html"]  # type: ignore[union-attr]


async def test_mails_about_one_thread_stand_together(post: Post) -> None:
    bob, *_ = await mentioned(post, thread=77)
    await post.run(account=bob)
    assert post.messages[0]["References"] == post.messages[0]["In-Reply-To"] == "<thread.77@social.example>"


async def test_one_click_unsubscribes(post: Post) -> None:
    bob, *_ = await mentioned(post)
    await post.run(account=bob)
    message = post.messages[0]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    found = re.fullmatch(r"<https://social\.example/unsubscribe/([\w-]+)>", message["List-Unsubscribe"])
    assert found
    subscription = await post.subscriptions.by_token(found[1])
    assert (subscription.name, subscription.what) == ("bob", "mentions")


async def test_a_sensitive_post_without_a_warning_is_called_so_and_not_shown(post: Post) -> None:
    bob, *_ = await mentioned(post, "The butler did it")
    await post.people.sql("UPDATE posts SET sensitive = true")
    await post.run(account=bob)
    for content in parts(post.messages[0]):
        assert "Sensitive content" in content
        assert "butler" not in content


async def test_a_content_warning_hides_the_text(post: Post) -> None:
    bob, *_ = await mentioned(post, "The butler did it", summary="Spoiler")
    await post.run(account=bob)
    for content in parts(post.messages[0]):
        assert "Spoiler" in content
        assert "butler" not in content


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "{{ 7*7 }}",
        "a\r\nBcc: eve@example.org\r\n\r\nx",
        ".\n.\nMAIL FROM:<x>",
        "\u202egnp.exe",
        "x" * 5000,
        "From here\nFrom there",
        "日本語 🎉 مرحبا",
        "\x00\x07\x1b[31m",
    ],
)
async def test_hostile_words_stay_words(post: Post, hostile: str) -> None:
    bob = await post.people.user("bob")
    alice = await post.people.user("alice")
    shown = hostile.replace("\x00", "")
    await post.people.sql("UPDATE accounts SET display_name = %s WHERE id = %s", shown[:200], alice)
    written = await post.people.post(alice, shown)
    await post.people.notify(bob, "mention", alice, written)
    await post.run(account=bob)
    raw = post.messages[0].as_bytes(policy=WIRE)
    assert raw.isascii()
    assert b"\r" not in raw
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed["Bcc"] is None
    assert "\n" not in parsed["Subject"]
    _, html = parts(parsed)
    assert "<script" not in html
    assert ("{{ 7*7 }}" in html) is ("7*7" in hostile)
    assert "\u202e" not in html + parsed["Subject"]


async def test_one_click_is_offered_by_https_alone(db: Database, config: Config) -> None:
    """RFC 8058, section 3.1; the plain link is there in any case."""
    post = Post(db, replace(config, public_url="http://social.example"))
    bob, *_ = await mentioned(post)
    await post.run(account=bob)
    assert post.messages[0]["List-Unsubscribe-Post"] is None
    assert post.messages[0]["List-Unsubscribe"].startswith("<http://social.example/unsubscribe/")
