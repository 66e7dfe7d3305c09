"""Writing posts: the composer, replies, edits, and deletion.

Deletion asks for no confirmation, because it can be undone: its answer offers the deleted post as a draft.  The text is
in that answer itself, so it is never part of an address or a cookie.  Each form carries a key, so that a form which is
sent twice makes one post.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.posts import Draft, Post
from microblog.domain.text import parse
from microblog.domain.visibility import Visibility
from microblog.http.forms import POST_TEXT_LIMIT, Fields, FormState
from microblog.http.responses import Redirect, Response, next_path
from microblog.http.routing import Routes
from microblog.web.html.forms import redirect, redirect_back, submits
from microblog.web.ids import path_id, sent_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("compose")

_FIELDS: Final = ("text", "summary", "sensitive", "visibility", "language")
_EDITABLE: Final = ("text", "summary", "sensitive", "language")


async def _composer(
    microblog: Microblog,
    request: Request,
    state: FormState,
    *,
    reply_to: Post | None = None,
    deleted: Post | None = None,
    status: int = 200,
) -> Response:
    """``deleted``: the post that was just deleted and that ``state`` offers as a draft."""
    viewer = request.require_viewer()
    return request.render(
        "pages/compose.html",
        draft=state.values,
        errors=_errors(state),
        key=secrets.token_urlsafe(16),
        reply=None if reply_to is None else await microblog.posts.reply_to(viewer, reply_to),
        deleted=deleted,
        next=next_path(request.form.get("next") or request.query.get("next"), "") if deleted is None else "",
        status=status,
    )


async def _refused(
    microblog: Microblog, request: Request, state: FormState, *, status: int = 200
) -> Response:
    """Show the composer again, as a reply if the post that it answers can still be seen."""
    try:
        reply_to = await _reply_target(microblog, request, request.form.text("reply_to"))
    except (InvalidInput, NotFound):
        reply_to = None
    return await _composer(microblog, request, state, reply_to=reply_to, status=status)


@routes.get("/compose", viewer="required")
async def blank(microblog: Microblog, request: Request) -> Response:
    """Show the composer. A link to it can fill in ``text``, ``visibility`` and ``reply_to``."""
    query = request.query
    reply_to = await _reply_target(microblog, request, query.text("reply_to"))
    visibility = query.text("visibility")
    values = {"text": query.text("text"), "visibility": visibility if visibility in set(Visibility) else ""}
    return await _composer(microblog, request, FormState(values), reply_to=reply_to)


@routes.post("/posts", viewer="required", limit="post", text_limit=POST_TEXT_LIMIT)
@submits(_refused, *_FIELDS)
async def publish(microblog: Microblog, request: Request, _state: FormState) -> Response:
    """Publish a post."""
    viewer, sent = request.require_viewer(), request.form
    try:
        reply_to = await _reply_target(microblog, request, sent.text("reply_to"))
        post = await microblog.posts.publish(viewer, _draft(sent, reply_to))
    except NotFound as error:
        raise InvalidInput(
            "The post that this answers is gone. Your text is kept: post it on its own, or not."
        ) from error
    if request.is_fragment:
        return request.render("partials/one_post.html", post=post, status=201)
    if reply_to is not None and post.visibility.wider_than(reply_to.visibility):
        request.flash("Your reply is published. More people can see it than the post it answers.")
    else:
        request.flash("Your post is published." if reply_to is None else "Your reply is published.")
    _hint_at_unknown_names(request, microblog, post)
    target = next_path(sent.get("next"), post.path)
    if reply_to is not None and target == reply_to.path:
        target = f"{target}#p{post.id}"  # scroll to the reply, however long the page is
    return Redirect(target)


async def _edit_page(
    microblog: Microblog, request: Request, state: FormState, *, status: int = 200
) -> Response:
    post = await _own(microblog, request)
    return request.render(
        "pages/edit.html", post=post, draft=state.values, errors=_errors(state), status=status
    )


@routes.get("/posts/<int:id>/edit", viewer="required")
async def edit_form(microblog: Microblog, request: Request) -> Response:
    """Show the form to edit your post."""
    return await _edit_page(microblog, request, FormState(_values(await _own(microblog, request))))


@routes.post("/posts/<int:id>/edit", viewer="required", limit="post", text_limit=POST_TEXT_LIMIT)
@submits(_edit_page, *_EDITABLE)
async def edit(microblog: Microblog, request: Request, _state: FormState) -> Response:
    """Edit your post. Its earlier versions stay in its history."""
    post = await _own(microblog, request)
    changed = await microblog.posts.edit(request.require_viewer(), post.id, _draft(request.form, None))
    request.flash("Your changes are saved.")
    _hint_at_unknown_names(request, microblog, changed)
    return Redirect(changed.path)


@routes.post("/posts/<int:id>/delete", viewer="required")
async def delete(microblog: Microblog, request: Request) -> Response:
    """Delete a post, and offer your own back as a draft."""
    viewer = request.require_viewer()
    deleted = await microblog.posts.delete(viewer, path_id(request))
    if deleted.boost_of is not None:
        return redirect_back(request, deleted.boost_of.path, "You no longer boost this post.")
    if (
        deleted.author.id != viewer.id
    ):  # deleted by a moderator, who must not get the author's text as a draft
        target = next_path(request.form.get("next"), deleted.author.path)
        if target.startswith(deleted.path):  # the page of the deleted post
            target = deleted.author.path
        return redirect(request, target, "The post is deleted.")
    reply_to = None
    if deleted.reply_to_id is not None:
        try:
            reply_to = await microblog.posts.by_id(viewer, deleted.reply_to_id)
        except NotFound:
            reply_to = None  # deleted in the meantime
    state = FormState({**_values(deleted), "visibility": deleted.visibility.value})
    return await _composer(microblog, request, state, reply_to=reply_to, deleted=deleted)


def _values(post: Post) -> dict[str, str]:
    """Return the values of the composer's fields for an existing post."""
    return {
        "text": post.text,
        "summary": post.summary,
        "sensitive": "on" if post.sensitive_by_itself else "",
        "language": post.language or "",
    }


def _draft(sent: Fields, reply_to: Post | None) -> Draft:
    """Return the draft that the form describes.

    :raises InvalidInput: an unknown visibility, or a content warning without a text.
    """
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
    """Tell the author which mentions of the text notify nobody, because no account here has the name."""
    here = {None, microblog.config.host, microblog.config.netloc}
    known = {each.name.lower() for each in post.mentions if each.domain in here}
    mentions = parse(post.text).mentions
    unknown = [each.name for each in mentions if each.domain in here and each.name not in known]
    elsewhere = [each.address for each in mentions if each.domain not in here]
    if unknown:
        request.flash(f"No account here is called {_names(unknown)}, so nobody was notified.")
    if elsewhere:
        request.flash(f"This site cannot notify people on other sites, such as {_names(elsewhere)}.")


def _names(addresses: list[str]) -> str:
    shown = [f"@{address[:60]}" for address in addresses[:2]]
    return " or ".join(shown) + (f" and {len(addresses) - 2} more" if len(addresses) > 2 else "")


async def _reply_target(microblog: Microblog, request: Request, raw: str) -> Post | None:
    """Return the post with the id ``raw``; None when it is empty.

    :raises InvalidInput: it is no id.
    :raises NotFound: no such post, or the viewer may not see it.
    """
    if not raw:
        return None
    post_id = sent_id(raw)
    return (await microblog.posts.by_id(request.require_viewer(), post_id)).content


async def _own(microblog: Microblog, request: Request) -> Post:
    """Return the viewer's post in the path.

    :raises NotFound: no such post, or another author's: the two cannot be told apart.
    """
    viewer = request.require_viewer()
    post = await microblog.posts.by_id(viewer, path_id(request))
    if post.author.id != viewer.id or post.boost_of is not None:
        raise NotFound
    return post


def _errors(state: FormState) -> dict[str, str]:
    """Return the messages as the composer's template expects them: under "" those that belong to no field."""
    return {name or "": text for name, text in state.errors.items()}
