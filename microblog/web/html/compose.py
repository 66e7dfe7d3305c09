"""Writing posts: a new one, an answer, an edit; and taking one back.

Undo beats confirm: a deleted post comes back at once as a draft, in the answer to the deletion itself, so that its
text travels in no address and no cookie.  Each form carries a key: sent twice, it is one post.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from microblog.domain.errors import Conflict, Forbidden, InvalidInput, NotFound
from microblog.domain.posts import Draft, Post
from microblog.domain.text import parse
from microblog.domain.visibility import Visibility
from microblog.http.forms import POST_TEXT_LIMIT, Fields, FormState
from microblog.http.responses import Redirect, Response, next_path
from microblog.http.routing import Routes
from microblog.web.ids import path_id, sent_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("compose")

_FIELDS: Final = ("text", "summary", "sensitive", "visibility", "language")


@routes.get("/compose", viewer="required")
async def blank(microblog: Microblog, request: Request) -> Response:
    """Show a page to write on; links to it may give ``text``, ``visibility`` and ``reply_to``."""
    reply_to = await _reply_target(microblog, request, request.query.text("reply_to"))
    visibility = request.query.text("visibility")
    state = FormState(
        {
            "text": request.query.text("text"),
            "summary": "",
            "visibility": visibility if visibility in set(Visibility) else "",
            "language": "",
        }
    )
    return await _composer(microblog, request, state, reply_to=reply_to)


@routes.post("/posts", viewer="required", limit="post", text_limit=POST_TEXT_LIMIT)
async def publish(microblog: Microblog, request: Request) -> Response:
    """Publish a post."""
    viewer = request.require_viewer()
    sent = request.form
    state = FormState(sent.texts(*_FIELDS))
    reply_to: Post | None = None
    try:
        reply_to = await _reply_target(microblog, request, sent.text("reply_to"))
        post = await microblog.posts.publish(viewer, _draft(sent, reply_to))
    except (InvalidInput, Conflict, Forbidden) as error:
        return await _composer(microblog, request, state.with_error(error), reply_to=reply_to, status=422)
    except NotFound:
        gone = InvalidInput(
            "The post that this answers is gone. Your text is kept: post it on its own, or not."
        )
        return await _composer(microblog, request, state.with_error(gone), status=422)
    if request.is_fragment:
        return request.render("partials/one_post.html", post=post, status=201)
    if reply_to is not None and post.visibility.wider_than(reply_to.visibility):
        request.flash("Your reply is published. More people can see it than the post it answers.")
    else:
        request.flash("Your post is published." if reply_to is None else "Your reply is published.")
    _hint_at_unknown_names(request, microblog, post)
    target = next_path(sent.get("next"), post.path)
    if reply_to is not None and target == reply_to.path:
        target = f"{target}#p{post.id}"  # the reply itself, however long the page is
    return Redirect(target)


@routes.get("/posts/<int:id>/edit", viewer="required")
async def edit_form(microblog: Microblog, request: Request) -> Response:
    """A post of one's own, to be changed."""
    post = await _own(microblog, request)
    state = FormState(
        {
            "text": post.text,
            "summary": post.summary,
            "sensitive": "on" if post.sensitive_by_itself else "",
            "language": post.language or "",
        }
    )
    return _edit_page(request, post, state)


@routes.post("/posts/<int:id>/edit", viewer="required", limit="post", text_limit=POST_TEXT_LIMIT)
async def edit(microblog: Microblog, request: Request) -> Response:
    """Change a post; how it read before stays in its history."""
    post = await _own(microblog, request)
    state = FormState(request.form.texts("text", "summary", "sensitive", "language"))
    try:
        changed = await microblog.posts.edit(request.require_viewer(), post.id, _draft(request.form, None))
    except (InvalidInput, Conflict) as error:
        return _edit_page(request, post, state.with_error(error), status=422)
    request.flash("Your changes are saved.")
    _hint_at_unknown_names(request, microblog, changed)
    return Redirect(changed.path)


@routes.post("/posts/<int:id>/delete", viewer="required")
async def delete(microblog: Microblog, request: Request) -> Response:
    """Delete a post, and offer it back as a draft."""
    viewer = request.require_viewer()
    was = await microblog.posts.delete(viewer, path_id(request))
    if was.boost_of is not None:
        request.flash("You no longer boost this post.")
        return Redirect(next_path(request.form.get("next"), was.boost_of.path))
    if was.author.id != viewer.id:  # by a moderator: whose words it was gets them back as little as anybody
        request.flash("The post is deleted.")
        target = next_path(request.form.get("next"), was.author.path)
        # The page of the post itself is gone.
        return Redirect(was.author.path if target.startswith(was.path) else target)
    reply_to = None
    if was.reply_to_id is not None:
        try:
            reply_to = await microblog.posts.by_id(viewer, was.reply_to_id)
        except NotFound:
            reply_to = None  # deleted as well, in the meantime
    state = FormState(
        {
            "text": was.text,
            "summary": was.summary,
            "visibility": was.visibility.value,
            "language": was.language or "",
            "sensitive": "on" if was.sensitive_by_itself else "",
        }
    )
    return await _composer(microblog, request, state, reply_to=reply_to, deleted=was)


def _draft(sent: Fields, reply_to: Post | None) -> Draft:
    """:raises InvalidInput: a visibility that there is none of, or a content warning above an empty text."""
    if sent.text("summary").strip() and not sent.text("text").strip():
        raise InvalidInput("Write a text below the content warning.", "text", "blank")
    visibility = sent.text("visibility")
    if visibility and visibility not in set(Visibility):
        raise InvalidInput("Choose who may see it: public, unlisted, followers or direct.", "visibility")
    return Draft(
        text=sent.text("text"),
        summary=sent.text("summary"),
        sensitive=sent.flag("sensitive"),
        visibility=Visibility(visibility) if visibility else None,
        language=sent.text("language") or None,
        reply_to_id=None if reply_to is None else reply_to.id,
        key=sent.text("key")[:100] or None,
    )


def _hint_at_unknown_names(request: Request, microblog: Microblog, post: Post) -> None:
    """Say which names in the text stayed plain because no account here has them."""
    here = {None, microblog.config.host, microblog.config.netloc}
    known = {each.name.lower() for each in post.mentions if each.domain in here}
    wanted = parse(post.text).mentions
    unknown = [each.name for each in wanted if each.domain in here and each.name not in known]
    elsewhere = [each.address for each in wanted if each.domain not in here]
    if unknown:
        request.flash(f"No account here is called {_names(unknown)}, so nobody was notified.")
    if elsewhere:
        request.flash(f"This site cannot notify people on other sites, such as {_names(elsewhere)}.")


def _names(addresses: list[str]) -> str:
    shown = [f"@{address[:60]}" for address in addresses[:2]]
    return " or ".join(shown) + (f" and {len(addresses) - 2} more" if len(addresses) > 2 else "")


async def _reply_target(microblog: Microblog, request: Request, raw: str) -> Post | None:
    """:raises NotFound: it is not there, or not for this person's eyes."""
    if not raw:
        return None
    post_id = sent_id(raw)
    return (await microblog.posts.by_id(request.require_viewer(), post_id)).content


async def _own(microblog: Microblog, request: Request) -> Post:
    """:raises NotFound: no such post, or somebody else's: both look the same."""
    viewer = request.require_viewer()
    post = await microblog.posts.by_id(viewer, path_id(request))
    if post.author.id != viewer.id or post.boost_of is not None:
        raise NotFound
    return post


async def _composer(
    microblog: Microblog,
    request: Request,
    state: FormState,
    *,
    reply_to: Post | None = None,
    deleted: Post | None = None,
    status: int = 200,
) -> Response:
    return request.render(
        "pages/compose.html",
        draft=state.values,
        errors=_errors(state),
        key=secrets.token_urlsafe(16),
        reply=None
        if reply_to is None
        else await microblog.posts.reply_to(request.require_viewer(), reply_to),
        deleted=deleted,
        next=next_path(request.form.get("next") or request.query.get("next"), "") if deleted is None else "",
        status=status,
    )


def _edit_page(request: Request, post: Post, state: FormState, *, status: int = 200) -> Response:
    return request.render(
        "pages/edit.html", post=post, draft=state.values, errors=_errors(state), status=status
    )


def _errors(state: FormState) -> Mapping[str, str]:
    """As the composer wants them: each of its fields has an entry, and there is none without a text but theirs."""
    errors = {"text": "", "summary": ""}
    for name, text in state.errors.items():
        errors[name or ""] = text
    return errors
