"""From a draft to the content of a post: checks, mentions and HTML. Publishing and editing share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from microblog.config.load import Config
from microblog.domain import counting, render, search, text
from microblog.domain.errors import InvalidInput
from microblog.domain.language import known_language
from microblog.domain.posts import MENTIONS_MOST, Draft, Mention
from microblog.store.posts.writing import PostContent, StoredMention, writing


@dataclass(frozen=True, slots=True)
class CheckedDraft:
    """A draft that passed the checks, with its text parsed."""

    parsed: text.Parsed
    summary: str
    sensitive: bool
    language: str | None

    @property
    def hashtags(self) -> dict[str, str]:
        """The hashtags as written, by their keys."""
        return {each.key: each.name for each in self.parsed.hashtags}

    def content(self, mentions: Mapping[str, Mention], former: tuple[Mention, ...] = ()) -> PostContent:
        """Return the content of the post.

        ``mentions`` has the accounts that exist, by the address as written. ``former`` are the accounts that the post
        mentioned before an edit.
        """
        targets = {
            address: render.MentionTarget(each.name, f"/@{each.address}")
            for address, each in mentions.items()
        }
        present = {each.account_id: each for each in mentions.values()}.values()
        return PostContent(
            text=self.parsed.text,
            html=render.html(self.parsed, targets),
            summary=self.summary,
            sensitive=self.sensitive,
            language=self.language,
            mentions=(
                *(StoredMention.of(each) for each in present),
                *(StoredMention.of(each, former=True) for each in former),
            ),
            tags=tuple(each.key for each in self.parsed.hashtags),
            search=search.indexed(self.parsed, self.summary),
        )


class Drafts:
    """The rules of this site for drafts: the length of a post, and the site's own host in mentions."""

    def __init__(self, config: Config) -> None:
        self._config: Final = config

    def check(self, draft: Draft, default_language: str | None) -> CheckedDraft:
        """Check a draft. Raises InvalidInput (field "text").

        A content warning makes a post sensitive. A content warning without a text is published as the text.
        """
        if len(draft.text) > text.MAX_RAW or len(draft.summary) > text.MAX_RAW:
            raise InvalidInput(
                f"That is far too long. A post has {self._config.post_length} characters.", "text", "too_long"
            )
        parsed = text.parse(draft.text)
        summary = " ".join(text.normalise(draft.summary).split())
        sensitive = draft.sensitive or bool(summary)
        if parsed.is_blank and summary:
            parsed, summary = text.parse(summary), ""
        if parsed.is_blank:
            raise InvalidInput("There is nothing to publish yet. Write something first.", "text", "blank")
        length = text.length(parsed) + counting.graphemes(summary)
        if length > self._config.post_length:
            over = length - self._config.post_length
            raise InvalidInput(
                f"That is {over} {'character' if over == 1 else 'characters'} too long: "
                f"a post has at most {self._config.post_length}.",
                "text",
                "too_long",
            )
        if len(parsed.mentions) > MENTIONS_MOST:
            raise InvalidInput(f"A post can name at most {MENTIONS_MOST} people.", "text", "too_many")
        language = known_language(draft.language) or known_language(default_language)
        return CheckedDraft(parsed, summary, sensitive, language)

    async def mentions(self, tx: Any, checked: CheckedDraft) -> dict[str, Mention]:
        """Return the mentioned accounts that exist, by the address as written."""
        written = checked.parsed.mentions
        if not written:
            return {}
        domains = ["" if each.domain in (None, self._config.host) else str(each.domain) for each in written]
        known = {
            each.address: each
            for each in await writing(tx).mentionable([each.name for each in written], domains)
        }
        by_address = {}
        for each, domain in zip(written, domains, strict=True):
            mention = known.get(f"{each.name}@{domain}" if domain else each.name)
            if mention is not None:
                by_address[each.address] = mention
        return by_address
