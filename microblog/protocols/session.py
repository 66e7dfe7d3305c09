"""What each command of the push port does. Each connection has one `PushSession`, and handles bytes and order itself.

An answer is the bytes of one ``OK`` line, with the posts of ``LAST`` below it. A failure is raised as an error of the
domain, which the connection answers with ``ERR``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from microblog.domain.accounts import Viewer
from microblog.domain.errors import (
    Conflict,
    Forbidden,
    Gone,
    InvalidInput,
    NotFound,
    RateLimited,
    Unauthenticated,
)
from microblog.domain.events import Event, Kind
from microblog.domain.posts import Draft, Page, Span
from microblog.domain.posts import Post as PostRecord
from microblog.domain.text import hashtag_key, one_line, parse
from microblog.protocols.commands import (
    COMMANDS,
    Auth,
    Command,
    Format,
    Help,
    List,
    Ping,
    Post,
    Quit,
    Reply,
    StreamName,
    Subscribe,
    Unsubscribe,
    named,
)
from microblog.protocols.replies import Ok, Remark, to_bytes

if TYPE_CHECKING:
    from microblog.protocols.context import PushContext
    from microblog.services.live.subscription import Subscription

#: Streams that one connection may subscribe to.
MAX_SUBSCRIPTIONS: Final = 100
#: Posts that LAST reads at a time.
_PAGE: Final = 40
#: Ids of posts that LAST has printed, to leave out their events.
_MAX_REMEMBERED: Final = 2000

#: `PushSession.ended` after QUIT.
QUIT: Final = "quit"

T = TypeVar("T")


@contextmanager
def _not_found_as(text: str) -> Iterator[None]:
    """Replace the text of a NotFound by ``text``, which names what the client asked for."""
    try:
        yield
    except NotFound as error:
        raise NotFound(text) from error


class PushSession:
    """The state of one connection: viewer, format and streams. ``host`` is the client's address."""

    def __init__(self, context: PushContext, live: Subscription, host: str) -> None:
        self._context = context
        self._microblog = context.microblog
        self._live = live
        self._host = host
        self._names: dict[str, str] = {}  # the name that LIST shows, by the stream of the dispatcher
        self._by_default = False
        self.viewer: Viewer | None = None
        self.format = "text"
        #: why the connection ends after this command: QUIT, or an error's code
        self.ended: str | None = None
        #: ids of posts and notifications that LAST has printed: their events are left out
        self.printed: set[int] = set()

    @property
    def cursor(self) -> int:
        """The position up to which all events were sent. A client resumes from it."""
        return self._live.cursor if self._live.streams else self._microblog.dispatcher.position

    async def begin(self) -> None:
        """Subscribe to the public stream until the first SUBSCRIBE, so that ``nc`` shows something at once."""
        self._by_default = True
        self._names["public"] = "public"
        await self._live.subscribe("public")

    async def answer(self, command: Command) -> bytes:
        """Run a command and return its answer. Raises MicroblogError."""
        match command:
            case Help():
                return self._help(command)
            case Auth():
                return to_bytes(Ok("AUTH", await self._auth(command)))
            case Subscribe():
                return await self._subscribe(command)
            case Unsubscribe():
                return to_bytes(Ok("UNSUBSCRIBE", await self._unsubscribe(command)))
            case List():
                return to_bytes(Ok("LIST", (self.format, str(self.cursor), *sorted(self._names.values()))))
            case Format():
                self.format = command.format
                return to_bytes(Ok("FORMAT", (command.format,)))
            case Post():
                return to_bytes(Ok("POST", await self._publish(command.text, None)))
            case Reply():
                return to_bytes(Ok("REPLY", await self._publish(command.text, command.to_id)))
            case Ping():
                return to_bytes(Ok("PING", (str(self.cursor),)))
            case Quit():
                self.ended = QUIT
                return to_bytes(Ok("QUIT", (str(self.cursor),)))

    def was_printed(self, event: Event) -> bool:
        """Return whether LAST has printed the event's post or notification, and forget it."""
        if event.kind is Kind.NOTIFICATION:
            printed_id = event.notification.id if event.notification else None
        elif event.kind in (Kind.POST, Kind.BOOST):
            printed_id = event.post_id
        else:
            return False
        if printed_id in self.printed:
            self.printed.discard(printed_id)
            return True
        return False

    # -- help and login

    def _help(self, command: Help) -> bytes:
        if command.about is None:
            lines = [Remark(f"{each.form} - {each.purpose}") for each in COMMANDS]
            lines.append(Remark(f"A line is at most {self._context.max_line} bytes."))
            return b"".join(map(to_bytes, lines)) + to_bytes(Ok("HELP"))
        about = named(command.about)
        if about is None:
            raise InvalidInput(f"There is no command {one_line(command.about, 20)}. HELP lists the commands.")
        return to_bytes(Ok("HELP", (f"{about.form} - {about.purpose}",)))

    async def _auth(self, command: Auth) -> tuple[str, ...]:
        if self.viewer is not None:
            raise Conflict(
                f"This connection is logged in as @{self.viewer.account.name}. Open another one for somebody else."
            )
        self._context.spend_log_in(self._host)
        viewer = await self._microblog.tokens.viewer(command.token)
        if viewer is None:
            raise Unauthenticated(
                "This token is not valid or was revoked. Create one on the page Settings, Tokens, "
                'or with: microblog token create NAME --scopes "read write"'
            )
        if not viewer.can("read"):
            raise Forbidden("This token lacks the scope read.")
        self._live.set_viewer(viewer)
        await self._apply(self._microblog.dispatcher.registry.confirm(self._live))
        self.viewer = viewer
        if not self._live.paused:
            await self._apply(self._live.resume())  # the streams go on for the viewer
        return (f"@{viewer.account.name}", *sorted(viewer.scopes))

    def _require(self, scope: str) -> Viewer:
        if self.viewer is None:
            raise Unauthenticated("Log in first: AUTH <token>.")
        if not self.viewer.can(scope):
            raise Forbidden(f"This needs a token with the scope {scope}.")
        return self.viewer

    async def _apply(self, change: Awaitable[None]) -> None:
        """Await a change of the subscriptions. If it fails halfway, events would be missing, so the connection ends."""
        self.ended = "unavailable"
        try:
            await change
        except (Forbidden, Gone, InvalidInput, NotFound, Unauthenticated):
            self.ended = None
            raise
        self.ended = None

    # -- subscriptions

    async def _subscribe(self, command: Subscribe) -> bytes:
        stream, shown = await self._resolve(command.stream)
        if self._by_default:
            self._by_default = False
            self._live.unsubscribe("public")
            self._names.clear()
        again = stream in self._names
        if not again and len(self._names) >= MAX_SUBSCRIPTIONS:
            raise RateLimited(
                f"At most {MAX_SUBSCRIPTIONS} subscriptions on a connection. UNSUBSCRIBE from one first."
            )
        if again and command.since is None and command.last is None:
            return to_bytes(Ok("SUBSCRIBE", (shown, "CURSOR", str(self.cursor))))
        if again:
            self._live.unsubscribe(stream)
            del self._names[stream]

        gap = False
        if command.since is not None:
            try:
                await self._apply(self._live.subscribe(stream, since=command.since, distinct=True))
            except Gone as gone:
                if command.last is None:
                    raise Gone(f"{gone.text} Or add LAST <n> to SUBSCRIBE.") from gone
                gap = True
            else:
                self._names[stream] = shown
                return to_bytes(Ok("SUBSCRIBE", (shown, "CURSOR", str(command.since))))

        if command.last is None:
            await self._apply(self._live.subscribe(stream))
            self._names[stream] = shown
            return to_bytes(Ok("SUBSCRIBE", (shown, "CURSOR", str(self.cursor))))

        # Take the position first. A post that is published while the timeline is read comes as an event. The event is
        # left out if the timeline has its post.
        position = self._microblog.dispatcher.position
        lines = await self._last(command.stream, stream, command.last)
        await self._apply(self._live.subscribe(stream, since=position, distinct=True))
        self._names[stream] = shown
        words = (shown, "CURSOR", str(position), "GAP") if gap else (shown, "CURSOR", str(position))
        return b"".join((to_bytes(Ok("SUBSCRIBE", words)), *lines))

    async def _unsubscribe(self, command: Unsubscribe) -> tuple[str, ...]:
        self._by_default = False
        if command.stream is None:
            self._live.unsubscribe(None)
            self._names.clear()
            return ("ALL",)
        named_so = [stream for stream, shown in self._names.items() if shown == str(command.stream)]
        stream = named_so[0] if named_so else (await self._resolve(command.stream))[0]
        if stream not in self._names:
            raise NotFound(f"There is no subscription to {command.stream}. LIST names all.")
        self._live.unsubscribe(stream)
        return (self._names.pop(stream),)

    async def _resolve(self, name: StreamName) -> tuple[str, str]:
        """Return the dispatcher's name of a stream and the name to show. Raises MicroblogError for no such stream."""
        if name.personal:
            self._require("read")
        if name.kind == "user":
            with _not_found_as(f"There is no account @{name.argument}."):
                account = await self._microblog.accounts.by_name(name.argument)
            return f"user:{account.id}", f"user:{account.address}"
        if name.kind == "tag":
            key = hashtag_key(name.argument)
            if key is None:
                raise InvalidInput("A tag has letters, digits and _, and not digits alone.", "stream")
            return f"tag:{key}", f"tag:{key}"
        if name.kind == "thread":
            with _not_found_as(f"There is no post {name.argument}, or you may not see it."):
                post = await self._microblog.posts.by_id(self.viewer, int(name.argument))
            thread = post.content.thread_id
            return f"thread:{thread}", f"thread:{thread}"
        if name.kind == "list":
            with _not_found_as(f"You have no list {name.argument}."):
                owned = await self._microblog.lists.by_id(self._require("read"), int(name.argument))
            return f"list:{owned.id}", f"list:{owned.id}"
        return name.kind, name.kind

    # -- LAST

    async def _last(self, name: StreamName, stream: str, count: int) -> list[bytes]:
        """Return the newest ``count`` posts of a stream as lines, oldest first.

        Their ids are remembered, with those of some older posts, because their events may still be on the way.
        """
        rendering = self._context.rendering
        if name.kind == "notifications":
            owner = self._require("read")
            notified = await self._newest(
                lambda span: self._microblog.notifications.page(owner, span), count + _PAGE
            )
            self._remember(each.id for each in notified)
            return self._lines(rendering.notification, notified[:count])
        if name.kind == "thread":
            posts = await self._thread(int(stream.partition(":")[2]), int(name.argument))
        else:
            posts = await self._newest(self._timeline(name.kind, stream), count + _PAGE)
        self._remember(post.id for post in posts)
        return self._lines(rendering.post, posts[:count])

    def _lines(self, render: Callable[[str, T], bytes], items: Sequence[T]) -> list[bytes]:
        """Render posts or notifications, oldest first. Report and leave out those that can't be rendered."""
        lines = []
        for each in reversed(items):
            try:
                lines.append(render(self.format, each))
            except Exception:  # noqa: BLE001 - the fault is in this item alone
                self._microblog.dispatcher.faults.failed("What LAST found can't be shown and is left out.")
        return lines

    def _remember(self, ids: Iterable[int]) -> None:
        self.printed.update(ids)
        if len(self.printed) > _MAX_REMEMBERED:
            self.printed = set(sorted(self.printed)[-_MAX_REMEMBERED:])

    async def _thread(self, first: int, named: int) -> list[PostRecord]:
        """Return the visible posts of a thread, newest first; those around ``named`` if its first post is deleted."""
        try:
            thread = await self._microblog.posts.thread(self.viewer, first)
        except NotFound:
            thread = await self._microblog.posts.thread(self.viewer, named)
        whole = [*thread.ancestors, thread.post, *(post for _, post in thread.descendants)]
        return sorted(whole, key=lambda post: post.id, reverse=True)

    def _timeline(self, kind: str, stream: str) -> Callable[[Span], Awaitable[Page[PostRecord]]]:
        timelines, viewer = self._microblog.timelines, self.viewer
        argument = stream.partition(":")[2]
        if kind == "home":
            owner = self._require("read")
            return lambda span: timelines.home(owner, span)
        if kind in ("mentions", "direct"):
            owner = self._require("read")
            return lambda span: timelines.mentions(owner, span, direct=kind == "direct")
        if kind == "list":
            owner, lists = self._require("read"), self._microblog.lists
            return lambda span: lists.timeline(owner, int(argument), span)
        if kind == "user":
            return lambda span: timelines.account(viewer, int(argument), span, replies=True)
        if kind == "tag":
            return lambda span: timelines.tag(viewer, argument, span)
        return lambda span: timelines.public(viewer, span, local=kind == "local")

    @staticmethod
    async def _newest(fetch: Callable[[Span], Awaitable[Page[T]]], count: int) -> list[T]:
        """Return up to ``count`` items, newest first, page by page."""
        items: list[T] = []
        older: int | None = None
        while len(items) < count:
            page = await fetch(Span(max_id=older, limit=min(_PAGE, count - len(items))))
            items.extend(page.items)
            older = page.older
            if older is None or not page.items:
                break
        return items

    # -- writing

    async def _publish(self, text: str, reply_to_id: int | None) -> tuple[str, ...]:
        viewer = self._require("write")
        self._context.spend_post(viewer.id)
        if reply_to_id is not None:
            with _not_found_as(f"There is no post {reply_to_id}, or you may not see it."):
                answered = await self._microblog.posts.by_id(viewer, reply_to_id)
            reply = await self._microblog.posts.reply_to(viewer, answered)
            reply_to_id = reply.to.id
            text = reply.missing(parse(text), self._microblog.config.host) + text
        post = await self._microblog.posts.publish(
            viewer,
            Draft(
                text,
                sensitive=viewer.default_sensitive,
                language=viewer.language,
                reply_to_id=reply_to_id,
            ),
        )
        return (str(post.id), f"{self._microblog.config.public_url}{post.path}")
