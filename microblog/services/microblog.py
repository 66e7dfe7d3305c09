"""The facade: one object that offers every use case, by noun. It is the table of contents of the product.

The website, the API, the push port, the tasks and the console are adapters over it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from microblog.config.load import Config
from microblog.domain.rate_limits import RateLimits
from microblog.services.about import About
from microblog.services.accounts import Accounts
from microblog.services.addresses import Addresses
from microblog.services.conversations import Conversations
from microblog.services.credentials import Credentials
from microblog.services.deletion import Deletion
from microblog.services.endorsements import Endorsements
from microblog.services.filters import Filters
from microblog.services.follows import Follows
from microblog.services.invitations import Invitations
from microblog.services.jobs import CHANNEL, Jobs
from microblog.services.lists import Lists
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.mail_subscriptions import MailSubscriptions
from microblog.services.markers import Markers
from microblog.services.metrics import Measuring
from microblog.services.moderation import Moderation
from microblog.services.notifications.groups import NotificationGroups
from microblog.services.notifications.policy import NotificationPolicies
from microblog.services.notifications.read import Notifications
from microblog.services.oauth import OAuth
from microblog.services.outgoing_mail import OutgoingMail
from microblog.services.passwords import Passwords
from microblog.services.pins import Pins
from microblog.services.posts import Posts
from microblog.services.profiles import Profiles
from microblog.services.pruning import Pruning
from microblog.services.search import Search
from microblog.services.sessions import Sessions
from microblog.services.sign_up import SignUp
from microblog.services.site_keys import site_secret
from microblog.services.statistics import Statistics
from microblog.services.tag_counts import TagCounts
from microblog.services.tags import Tags
from microblog.services.thread_mutes import ThreadMutes
from microblog.services.timelines import Timelines
from microblog.services.tokens import Tokens
from microblog.services.trends import Trends
from microblog.store.engine.database import Database
from microblog.store.engine.listener import Listener
from microblog.store.engine.migrate import current


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Microblog:
    """All use cases of one site.

    ``dsn`` names a migrated database. ``listen`` is False for a process without live streams, such as the console.
    """

    def __init__(
        self, config: Config, dsn: str, reactor: Any, *, listen: bool = True, passwords: Any = None
    ) -> None:
        self.config = config
        self.now = now = utc_now
        #: When the settings were read: the best known date of the texts among them.
        self.configured_at = utc_now()

        # What the use cases share
        self.db = db = Database(
            dsn, reactor, size=config.pool_size, statement_timeout=config.statement_timeout
        )
        self.rate_limits = RateLimits(reactor.seconds, enabled=config.rate_limits)
        self.listener = Listener(dsn, reactor) if listen else None
        self.dispatcher = EventDispatcher(db, reactor, self.listener, now)
        poke = self.dispatcher.poke
        self.jobs = jobs = Jobs(db)
        if self.listener is not None:
            self.listener.on(CHANNEL, jobs.wake)
        self._passwords = Passwords(reactor) if passwords is None else passwords

        # The accounts of this site
        self.accounts = accounts = Accounts(db)
        self.sign_up = SignUp(config=config, db=db, passwords=self._passwords, jobs=jobs, poke=poke, now=now)
        self.invitations = Invitations(config=config, db=db, now=now)
        self.moderation = Moderation(db=db, accounts=accounts, jobs=jobs, poke=poke)
        self.credentials = Credentials(
            db=db, accounts=accounts, passwords=self._passwords, jobs=jobs, poke=poke, now=now
        )
        self.deletion = Deletion(db, self.credentials, poke)

        # Access by session or token
        self.sessions = Sessions(db=db, passwords=self._passwords, poke=poke, now=now)
        self.tokens = Tokens(db=db, poke=poke, now=now)
        self.oauth = OAuth(db=db, poke=poke, now=now)

        # Profiles and relations
        self.follows = Follows(db=db, poke=poke, now=now)
        self.profiles = Profiles(config=config, db=db, accounts=accounts, follows=self.follows)
        self.endorsements = Endorsements(db=db, poke=poke)
        self.lists = Lists(db=db, poke=poke)

        # Writing, reading and finding posts
        self.posts = Posts(config, db, self.dispatcher)
        self.pins = Pins(db=db, poke=poke)
        self.conversations = Conversations(db=db)
        self.thread_mutes = ThreadMutes(db=db)
        self.timelines = Timelines(db)
        self.markers = Markers(db=db)
        self.filters = Filters(db=db, now=now, poke=poke)
        self.tags = Tags(db=db, poke=poke, now=now)
        self.tag_counts = TagCounts(db)
        self.trends = Trends(db=db, tags=self.tags, now=now)
        self.search = Search(config=config, db=db)
        self.addresses = Addresses(config.netloc, accounts, self.posts)

        # Notifications and mail
        self.notifications = Notifications(db)
        self.notification_groups = NotificationGroups(db)
        self.notification_policy = NotificationPolicies(db)
        self.outgoing_mail = OutgoingMail(db)
        self.mail_subscriptions = MailSubscriptions(db)

        # The site as a whole
        self.about = About(db, reactor.seconds, config.contact_account)
        self.statistics = Statistics(db, config.zone, reactor.seconds)
        self.pruning = Pruning(db)
        self.measuring = Measuring(db, self.dispatcher)

    async def start(self) -> None:
        """Start the live streams and the database listener. Raises Unavailable."""
        if self.listener is not None:
            await self.listener.start()
        await self.dispatcher.start()

    async def stop(self) -> None:
        """Stop everything. The caller stops all adapters first."""
        await self.dispatcher.stop()
        if self.listener is not None:
            self.listener.stop()
        self._passwords.stop()
        await self.db.close()

    async def ready(self) -> None:
        """Raise Unavailable unless the database answers and has all migrations of this release."""
        await current(self.db.reads)

    async def secret(self, name: str) -> bytes:
        """Return a key that all processes of the site share. The first call creates it."""
        return await site_secret(self.db, name)
