"""The use cases around posts: `publishing`, `editing`, `deletion`, `reactions` and `reading`."""

from __future__ import annotations

from microblog.config.load import Config
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.posts.deletion import Deletion
from microblog.services.posts.drafts import Drafts
from microblog.services.posts.editing import Editing
from microblog.services.posts.publishing import Publishing
from microblog.services.posts.reactions import Reactions
from microblog.services.posts.reading import Reading
from microblog.services.tag_counts import TagCounts
from microblog.store.engine.database import Database


class Posts:
    """All use cases around posts. A ``viewer`` of None is an anonymous request."""

    def __init__(self, config: Config, db: Database, dispatcher: EventDispatcher) -> None:
        reading = Reading(db)
        self.by_id = reading.by_id
        self.by_ids = reading.by_ids
        self.thread = reading.thread
        self.history = reading.history
        self.reply_to = reading.reply_to
        self.boost_of = reading.boost_of
        self.favourited_by = reading.favourited_by
        self.boosted_by = reading.boosted_by
        self.flags = reading.flags

        reactions = Reactions(db, dispatcher, reading)
        self.boost = reactions.boost
        self.unboost = reactions.unboost
        self.favourite = reactions.favourite
        self.unfavourite = reactions.unfavourite
        self.bookmark = reactions.bookmark
        self.unbookmark = reactions.unbookmark

        drafts, tag_counts = Drafts(config), TagCounts(db)
        self.publish = Publishing(db, dispatcher, drafts, tag_counts, reading).publish
        self.edit = Editing(db, dispatcher, drafts, tag_counts, reading).edit
        self.delete = Deletion(db, dispatcher, tag_counts, reactions).delete
