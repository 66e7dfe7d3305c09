-- What one chooses to read: lists, tags, filters, pins, conversations; and what the site finds worth showing.

CREATE TABLE lists (
    id             bigint      PRIMARY KEY DEFAULT snowflake(),
    account_id     bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    title          text        NOT NULL CHECK (length(title) BETWEEN 1 AND 255),
    replies_policy text        NOT NULL DEFAULT 'list' CHECK (replies_policy IN ('followed', 'list', 'none')),
    exclusive      boolean     NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (id, account_id)
);
CREATE INDEX lists_account ON lists (account_id, id);
COMMENT ON COLUMN lists.replies_policy IS 'Replies to whom are listed: to all whom its owner follows, to those in the list, to nobody';
COMMENT ON COLUMN lists.exclusive IS 'Who is in it does not appear at home';

CREATE TABLE list_accounts (
    id         bigint NOT NULL UNIQUE DEFAULT snowflake(),
    list_id    bigint NOT NULL,
    owner_id   bigint NOT NULL,
    account_id bigint NOT NULL,
    PRIMARY KEY (list_id, account_id),
    FOREIGN KEY (list_id, owner_id) REFERENCES lists (id, account_id) ON DELETE CASCADE,
    FOREIGN KEY (owner_id, account_id) REFERENCES follows (follower_id, followee_id) ON DELETE CASCADE
);
CREATE INDEX list_accounts_follow ON list_accounts (owner_id, account_id);
COMMENT ON TABLE list_accounts IS 'Only whom one follows: who is no longer followed leaves the lists by the foreign key';

CREATE TABLE followed_tags (
    id         bigint NOT NULL UNIQUE DEFAULT snowflake(),
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    tag        text   NOT NULL CHECK (length(tag) BETWEEN 1 AND 500),
    PRIMARY KEY (account_id, tag)
);
CREATE INDEX followed_tags_account ON followed_tags (account_id, id DESC);

CREATE TABLE featured_tags (
    id         bigint NOT NULL UNIQUE DEFAULT snowflake(),
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    tag        text   NOT NULL CHECK (length(tag) BETWEEN 1 AND 500),
    shown      text   NOT NULL CHECK (length(shown) BETWEEN 1 AND 500),
    PRIMARY KEY (account_id, tag)
);

CREATE TABLE filters (
    id         bigint      PRIMARY KEY DEFAULT snowflake(),
    account_id bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    title      text        NOT NULL CHECK (length(title) BETWEEN 1 AND 255),
    contexts   text[]      NOT NULL CHECK (cardinality(contexts) > 0
                           AND contexts <@ '{home,notifications,public,thread,account}'::text[]),
    action     text        NOT NULL DEFAULT 'warn' CHECK (action IN ('warn', 'hide', 'blur')),
    expires_at timestamptz
);
CREATE INDEX filters_account ON filters (account_id, id);
COMMENT ON COLUMN filters.contexts IS 'Where it applies';

CREATE TABLE filter_keywords (
    id         bigint  PRIMARY KEY DEFAULT snowflake(),
    filter_id  bigint  NOT NULL REFERENCES filters ON DELETE CASCADE,
    keyword    text    NOT NULL CHECK (length(keyword) BETWEEN 1 AND 512),
    whole_word boolean NOT NULL DEFAULT true
);
CREATE INDEX filter_keywords_filter ON filter_keywords (filter_id, id);

CREATE TABLE filter_posts (
    id        bigint NOT NULL UNIQUE DEFAULT snowflake(),
    filter_id bigint NOT NULL REFERENCES filters ON DELETE CASCADE,
    post_id   bigint NOT NULL REFERENCES posts ON DELETE CASCADE,
    PRIMARY KEY (filter_id, post_id)
);
CREATE INDEX filter_posts_post ON filter_posts (post_id);

CREATE TABLE markers (
    account_id   bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    timeline     text        NOT NULL CHECK (timeline IN ('home', 'notifications')),
    last_read_id bigint      NOT NULL,
    version      integer     NOT NULL DEFAULT 1,
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, timeline)
);
COMMENT ON TABLE markers IS 'How far somebody has read, for their programs to agree on';

CREATE TABLE conversations (
    id         bigint  NOT NULL UNIQUE DEFAULT snowflake(),
    account_id bigint  NOT NULL REFERENCES accounts ON DELETE CASCADE,
    thread_id  bigint  NOT NULL,
    latest_id  bigint  NOT NULL,
    unread     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (account_id, thread_id)
);
CREATE INDEX conversations_latest ON conversations (account_id, latest_id DESC);
COMMENT ON TABLE conversations IS 'Threads with direct posts of or to somebody, as they have them: read, put away by deleting the row';
COMMENT ON COLUMN conversations.latest_id IS 'Sorts them; the post itself may be gone, then an earlier one is shown';

CREATE TABLE pinned_posts (
    id         bigint NOT NULL UNIQUE DEFAULT snowflake(),
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    post_id    bigint NOT NULL PRIMARY KEY REFERENCES posts ON DELETE CASCADE
);
CREATE INDEX pinned_posts_account ON pinned_posts (account_id, id DESC);

CREATE TABLE account_notes (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    target_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    comment    text   NOT NULL CHECK (length(comment) BETWEEN 1 AND 2000),
    PRIMARY KEY (account_id, target_id)
);
CREATE INDEX account_notes_target ON account_notes (target_id);
COMMENT ON TABLE account_notes IS 'What somebody wrote down for themselves about somebody else';

CREATE TABLE endorsements (
    id         bigint NOT NULL UNIQUE DEFAULT snowflake(),
    account_id bigint NOT NULL,
    target_id  bigint NOT NULL,
    PRIMARY KEY (account_id, target_id),
    FOREIGN KEY (account_id, target_id) REFERENCES follows (follower_id, followee_id) ON DELETE CASCADE
);
CREATE INDEX endorsements_account ON endorsements (account_id, id DESC);
COMMENT ON TABLE endorsements IS 'People whom somebody shows on their profile, among those they follow';

CREATE TABLE thread_mutes (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    thread_id  bigint NOT NULL,
    PRIMARY KEY (account_id, thread_id)
);
COMMENT ON TABLE thread_mutes IS 'Threads that somebody wants no more notifications of';

CREATE TABLE notification_policies (
    account_id           bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    for_not_following    text   NOT NULL DEFAULT 'accept' CHECK (for_not_following IN ('accept', 'filter', 'drop')),
    for_not_followers    text   NOT NULL DEFAULT 'accept' CHECK (for_not_followers IN ('accept', 'filter', 'drop')),
    for_new_accounts     text   NOT NULL DEFAULT 'accept' CHECK (for_new_accounts IN ('accept', 'filter', 'drop')),
    for_private_mentions text   NOT NULL DEFAULT 'accept' CHECK (for_private_mentions IN ('accept', 'filter', 'drop'))
);
COMMENT ON TABLE notification_policies IS 'Whose notifications wait to be asked about (filter) or are never made (drop)';

CREATE TABLE notification_permissions (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    actor_id   bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    PRIMARY KEY (account_id, actor_id)
);
CREATE INDEX notification_permissions_actor ON notification_permissions (actor_id);
COMMENT ON TABLE notification_permissions IS 'Whose notifications somebody accepted, whatever the policy says';

ALTER TABLE notifications ADD COLUMN filtered boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN notifications.filtered IS 'Waits among the requests, by the policy of its recipient';
CREATE INDEX notifications_filtered ON notifications (account_id, actor_id, id DESC) WHERE filtered;

CREATE TABLE trending_tags (
    tag   text             PRIMARY KEY,
    score double precision NOT NULL
);
CREATE TABLE trending_posts (
    post_id bigint           PRIMARY KEY REFERENCES posts ON DELETE CASCADE,
    score   double precision NOT NULL
);
COMMENT ON TABLE trending_tags IS 'What many use at the moment, as last computed; the score falls by half each day';
COMMENT ON TABLE trending_posts IS 'What many like at the moment, as last computed; the score falls by half in twelve hours';

CREATE TABLE suggestion_dismissals (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    target_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    PRIMARY KEY (account_id, target_id)
);
CREATE INDEX suggestion_dismissals_target ON suggestion_dismissals (target_id);

-- The directory, newest first. By activity it is sorted on reading: an index on last_post_at would make every post pay.
CREATE INDEX accounts_directory ON accounts (id DESC) WHERE discoverable AND state = 'active';
