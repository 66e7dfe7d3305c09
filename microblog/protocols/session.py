"""What each command does.  One :class:`PushSession` a connection; the connection sees to bytes and order.

An answer is the bytes of one ``OK`` line, with the posts of ``LAST`` below it; anything else is raised as an error
of the domain, which the connection says as ``ERR``.
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
#: Ids that are kept to tell what LAST has printed.
_MOST_REMEMBERED: Final = 2000

#: Of a conversation that was ended by QUIT.
QUIT: Final = "quit"

T = TypeVar("T")


@contextmanager
def _not_found_as(text: str) -> Iterator[None]:
    """Give a NotFound that is raised inside a ``text`` that names what the client asked for."""
    try:
        yield
    except NotFound as error:
        raise NotFound(text) from error


class PushSession:
    """``live`` is the connection's place at the dispatcher, ``host`` its address."""

    def __init__(self, context: PushContext, live: Subscription, host: str) -> None:
        self._context = context
        self._microblog = context.microblog
        self._live = live
        self._host = host
        self._names: dict[str, str] = {}  # canonical stream -> how LIST shows it
        self._by_default = False
        self.viewer: Viewer | None = None
        self.format = "text"
        #: why the connection is over after this command: QUIT, or an error's code
        self.ended: str | None = None
        #: ids of what LAST has printed: their events are not said again
        self.printed: set[int] = set()

    @property
    def cursor(self) -> int:
        """All that concerns this connection up to here was sent: what to resume from."""
        return self._live.cursor if self._live.streams else self._microblog.dispatcher.position

    async def begin(self) -> None:
        """A connection reads the public stream until it says what it wants: ``nc`` shows something at once."""
        self._by_default = True
        self._names["public"] = "public"
        await self._live.subscribe("public")

    async def answer(self, command: Command) -> bytes:
        """Does what ``command`` says. :raises MicroblogError: it can't be done."""
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
        """Whether LAST has printed what ``event`` tells; asked once an event."""
        if event.kind is Kind.NOTIFICATION:
            shown = event.notification.id if event.notification else None
        elif event.kind in (Kind.POST, Kind.BOOST):
            shown = event.post_id
        else:
            return False
        if shown in self.printed:
            self.printed.discard(shown)
            return True
        return False

    # -- what can be said, and by whom

    def _help(self, command: Help) -> bytes:
        if command.about is None:
            width = max(len(each.form) for each in COMMANDS)
            lines = [Remark(f"{each.form:<{width}}  {each.purpose}") for each in COMMANDS]
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
        await self._settled(self._microblog.dispatcher.registry.confirm(self._live))
        self.viewer = viewer
        if not self._live.paused:
            await self._settled(self._live.resume())  # the streams go on for the viewer
        return (f"@{viewer.account.name}", *sorted(viewer.scopes))

    def _require(self, scope: str) -> Viewer:
        if self.viewer is None:
            raise Unauthenticated("Log in first: AUTH <token>.")
        if not self.viewer.can(scope):
            raise Forbidden(f"This needs a token with the scope {scope}.")
        return self.viewer

    async def _settled(self, change: Awaitable[None]) -> None:
        """Awaits a change of what is live. Broken off halfway, nothing would come any more: it ends."""
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
                await self._settled(self._live.subscribe(stream, since=command.since, distinct=True))
            except Gone as gone:
                if command.last is None:
                    raise Gone(f"{gone.text} Or add LAST <n> to SUBSCRIBE.") from gone
                gap = True
            else:
                self._names[stream] = shown
                return to_bytes(Ok("SUBSCRIBE", (shown, "CURSOR", str(command.since))))

        if command.last is None:
            await self._settled(self._live.subscribe(stream))
            self._names[stream] = shown
            return to_bytes(Ok("SUBSCRIBE", (shown, "CURSOR", str(self.cursor))))

        # The position first: what is published while the timeline is read comes as an event, and is told from what
        # the timeline had by its id.
        position = self._microblog.dispatcher.position
        lines = await self._last(command.stream, stream, command.last)
        await self._settled(self._live.subscribe(stream, since=position, distinct=True))
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
        """The dispatcher's name of a stream, and the one to show. :raises MicroblogError: there is none."""
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
                found = await self._microblog.lists.by_id(self._require("read"), int(name.argument))
            return f"list:{found.id}", f"list:{found.id}"
        return name.kind, name.kind

    # -- what was before

    async def _last(self, name: StreamName, stream: str, count: int) -> list[bytes]:
        """The newest ``count`` of a stream as lines, oldest first.

        Their ids are remembered, and those of some before them: their events may still be on their way, and are past.
        """
        rendering = self._context.rendering
        if name.kind == "notifications":
            owner = self._require("read")
            notified = await self._newest(
                lambda span: self._microblog.notifications.page(owner, span), count + _PAGE
            )
            self._remember(found.id for found in notified)
            return self._lines(rendering.notification, notified[:count])
        if name.kind == "thread":
            posts = await self._thread(int(stream.partition(":")[2]), int(name.argument))
        else:
            posts = await self._newest(self._timeline(name.kind, stream), count + _PAGE)
        self._remember(post.id for post in posts)
        return self._lines(rendering.post, posts[:count])

    def _lines(self, render: Callable[[str, T], bytes], found: Sequence[T]) -> list[bytes]:
        """Render what was found, oldest first. What can't be rendered is reported and left out."""
        lines = []
        for each in reversed(found):
            try:
                lines.append(render(self.format, each))
            except Exception:  # noqa: BLE001 - whatever is wrong is wrong with this one
                self._microblog.dispatcher.faults.failed("What LAST found can't be shown and is left out.")
        return lines

    def _remember(self, ids: Iterable[int]) -> None:
        self.printed.update(ids)
        if len(self.printed) > _MOST_REMEMBERED:
            self.printed = set(sorted(self.printed)[-_MOST_REMEMBERED:])

    async def _thread(self, first: int, named: int) -> list[PostRecord]:
        """All posts of a thread that can be seen, newest first; where its beginning is gone, those around ``named``."""
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
        """Up to ``count`` items, newest first, page by page."""
        found: list[T] = []
        older: int | None = None
        while len(found) < count:
            page = await fetch(Span(max_id=older, limit=min(_PAGE, count - len(found))))
            found.extend(page.items)
            older = page.older
            if older is None or not page.items:
                break
        return found

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
