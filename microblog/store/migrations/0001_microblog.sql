-- The microblog: people, what they write, how they stand to each other, what happens.
-- Ids are snowflakes, as Mastodon's: milliseconds since 1970 << 16 | sequence. They sort by time; clients page with them.
-- Nothing here needs a superuser or an extension.

CREATE SEQUENCE snowflake_sequence MINVALUE 0 MAXVALUE 65535 CYCLE;

CREATE FUNCTION snowflake(at timestamptz DEFAULT clock_timestamp()) RETURNS bigint
    LANGUAGE sql VOLATILE AS
$$ SELECT (floor(extract(epoch FROM at) * 1000)::bigint << 16) | nextval('snowflake_sequence') $$;
COMMENT ON FUNCTION snowflake IS 'A new id; one sequence for all, so that no two processes meet';

----------------------------------------------------------------------------------------------------------- people

CREATE TABLE accounts (
    id              bigint      PRIMARY KEY DEFAULT snowflake(),
    name            text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    domain          text        CHECK (domain = lower(domain) AND length(domain) <= 253),
    uri             text        UNIQUE,
    display_name    text        NOT NULL DEFAULT '' CHECK (length(display_name) <= 200),
    bio             text        NOT NULL DEFAULT '' CHECK (length(bio) <= 20000),
    bio_html        text        NOT NULL DEFAULT '',
    fields          jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(fields) = 'array'),
    locked          boolean     NOT NULL DEFAULT false,
    discoverable    boolean     NOT NULL DEFAULT true,
    bot             boolean     NOT NULL DEFAULT false,
    state           text        NOT NULL DEFAULT 'active' CHECK (state IN ('pending', 'active', 'suspended')),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_post_at    timestamptz,
    posts_count     integer     NOT NULL DEFAULT 0 CHECK (posts_count >= 0),
    followers_count integer     NOT NULL DEFAULT 0 CHECK (followers_count >= 0),
    following_count integer     NOT NULL DEFAULT 0 CHECK (following_count >= 0),
    search          tsvector    NOT NULL DEFAULT '',
    CHECK (domain IS NOT NULL OR name ~ '^[a-z0-9_]{1,30}$')
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX accounts_address ON accounts (lower(name), (coalesce(domain, '')));
CREATE INDEX accounts_search ON accounts USING gin (search);
COMMENT ON TABLE accounts IS 'Whoever can write: people of this site and, later, of others. What everyone may know of them';
COMMENT ON COLUMN accounts.domain IS 'Null for ours; else the canonical (IDNA, lower-case) host';
COMMENT ON COLUMN accounts.uri IS 'ActivityPub id of an account from elsewhere';
COMMENT ON COLUMN accounts.bio IS 'As typed; bio_html as shown, rendered and sanitised once, when saved';
COMMENT ON COLUMN accounts.fields IS 'Lines of the profile: [{name, value, html}]';
COMMENT ON COLUMN accounts.locked IS 'Follows wait for approval';

CREATE TABLE users (
    account_id            bigint      PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    email                 text        NOT NULL CHECK (length(email) <= 254),
    email_confirmed_at    timestamptz,
    password_hash         text        NOT NULL,
    role                  text        NOT NULL DEFAULT 'user' CHECK (role IN ('owner', 'admin', 'moderator', 'user')),
    language              text,
    default_visibility    text        NOT NULL DEFAULT 'public' CHECK (default_visibility IN ('public', 'unlisted', 'followers', 'direct')),
    default_sensitive     boolean     NOT NULL DEFAULT false,
    mail_mentions         boolean     NOT NULL DEFAULT true,
    mail_replies          boolean     NOT NULL DEFAULT true,
    mail_follows          boolean     NOT NULL DEFAULT true,
    mail_boosts           boolean     NOT NULL DEFAULT false,
    mail_favourites       boolean     NOT NULL DEFAULT false,
    sign_up_reason        text        NOT NULL DEFAULT '' CHECK (length(sign_up_reason) <= 2000),
    invitation_id         bigint,
    last_seen_at          timestamptz,
    notifications_read_id bigint      NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE UNIQUE INDEX users_one_owner ON users (role) WHERE role = 'owner';
COMMENT ON TABLE users IS 'The private side of an account of this site: how it logs in, what it prefers';
COMMENT ON COLUMN users.password_hash IS 'argon2id, in PHC string format';
COMMENT ON COLUMN users.notifications_read_id IS 'The newest notification that they have seen';

CREATE TABLE invitations (
    id          bigint      PRIMARY KEY DEFAULT snowflake(),
    code        text        NOT NULL UNIQUE CHECK (length(code) BETWEEN 8 AND 64),
    account_id  bigint      REFERENCES accounts ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz,
    uses_left   integer     NOT NULL DEFAULT 1 CHECK (uses_left >= 0)
);
ALTER TABLE users ADD FOREIGN KEY (invitation_id) REFERENCES invitations ON DELETE SET NULL;
CREATE INDEX users_invitation ON users (invitation_id) WHERE invitation_id IS NOT NULL;
CREATE INDEX invitations_account ON invitations (account_id);
COMMENT ON TABLE invitations IS 'Links that let somebody sign up; account_id is who invites';

CREATE TABLE sessions (
    id          bigint      PRIMARY KEY DEFAULT snowflake(),
    token_hash  bytea       NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    account_id  bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    address     text        NOT NULL DEFAULT '',
    user_agent  text        NOT NULL DEFAULT '' CHECK (length(user_agent) <= 300)
);
CREATE INDEX sessions_account ON sessions (account_id);
CREATE INDEX sessions_seen ON sessions (seen_at);
COMMENT ON TABLE sessions IS 'Browsers that are logged in. Only the SHA-256 of the cookie is here';

CREATE TABLE tokens (
    id           bigint      PRIMARY KEY DEFAULT snowflake(),
    token_hash   bytea       NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    account_id   bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name         text        NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    scopes       text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at timestamptz,
    expires_at   timestamptz
);
CREATE INDEX tokens_account ON tokens (account_id);
COMMENT ON TABLE tokens IS 'Access tokens of programs (push port, API). Only the SHA-256 is here; a revoked one is deleted';

CREATE TABLE email_tokens (
    token_hash  bytea       PRIMARY KEY CHECK (length(token_hash) = 32),
    account_id  bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    purpose     text        NOT NULL CHECK (purpose IN ('reset', 'confirm')),
    email       text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL
);
CREATE INDEX email_tokens_account ON email_tokens (account_id);
COMMENT ON TABLE email_tokens IS 'Secrets sent by mail, used once: password reset, confirmation of an address';

CREATE TABLE site_secrets (
    name        text  PRIMARY KEY,
    secret      bytea NOT NULL
);
COMMENT ON TABLE site_secrets IS 'Keys that all processes share (signing of forms and of unsubscribe links); made at first start';

-------------------------------------------------------------------------------------------------------- what they write

CREATE TABLE posts (
    id                  bigint      PRIMARY KEY DEFAULT snowflake(),
    author_id           bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    uri                 text        UNIQUE,
    visibility          text        NOT NULL CHECK (visibility IN ('public', 'unlisted', 'followers', 'direct')),
    text                text        NOT NULL DEFAULT '' CHECK (length(text) <= 100000),
    html                text        NOT NULL DEFAULT '',
    summary             text        NOT NULL DEFAULT '' CHECK (length(summary) <= 10000),
    sensitive           boolean     NOT NULL DEFAULT false,
    language            text,
    created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    edited_at           timestamptz,
    boost_of_id         bigint      REFERENCES posts ON DELETE CASCADE,
    reply_to_id         bigint      REFERENCES posts ON DELETE SET NULL,
    reply_to_account_id bigint,
    reply_to_name       text,
    thread_id           bigint      NOT NULL,
    mentions            jsonb       NOT NULL DEFAULT '[]',
    mentioned_ids       bigint[]    NOT NULL DEFAULT '{}',
    tags                text[]      NOT NULL DEFAULT '{}',
    replies_count       integer     NOT NULL DEFAULT 0 CHECK (replies_count >= 0),
    boosts_count        integer     NOT NULL DEFAULT 0 CHECK (boosts_count >= 0),
    favourites_count    integer     NOT NULL DEFAULT 0 CHECK (favourites_count >= 0),
    search              tsvector,
    CHECK (boost_of_id IS NULL OR (text = '' AND reply_to_id IS NULL)),
    CHECK (boost_of_id IS NOT NULL OR text <> '' OR uri IS NOT NULL)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX posts_one_boost ON posts (boost_of_id, author_id) WHERE boost_of_id IS NOT NULL;
CREATE INDEX posts_by_author ON posts (author_id, id DESC);
CREATE INDEX posts_public ON posts (id DESC) WHERE visibility = 'public' AND boost_of_id IS NULL AND (reply_to_account_id IS NULL OR reply_to_account_id = author_id);
CREATE INDEX posts_replies ON posts (reply_to_id) WHERE reply_to_id IS NOT NULL;
CREATE INDEX posts_threads ON posts (thread_id, id) WHERE boost_of_id IS NULL;
CREATE INDEX posts_search ON posts USING gin (search) WHERE search IS NOT NULL;
CREATE INDEX posts_created ON posts (created_at);
COMMENT ON TABLE posts IS 'Posts, and boosts of posts (boost_of_id set, nothing else to read). Deleting one deletes the row';
COMMENT ON COLUMN posts.html IS 'As shown: rendered and sanitised once, when published; links within the site are root-relative';
COMMENT ON COLUMN posts.reply_to_account_id IS 'Whom it answers; stays when what it answers is deleted (so no foreign key), as does reply_to_name';
COMMENT ON COLUMN posts.thread_id IS 'The post that began the thread; its own id for a beginning. Stays when that is deleted';
COMMENT ON COLUMN posts.mentions IS '[{id, name, domain}]: names never change, so a page needs no join for them';
COMMENT ON COLUMN posts.mentioned_ids IS 'The ids of mentions, for the visibility rule';
COMMENT ON COLUMN posts.tags IS 'Normalised, in order of appearance; post_tags has them for looking up';
COMMENT ON COLUMN posts.search IS 'Tokens of domain/search.py; null for what is never found by search';

CREATE TABLE post_tags (
    tag         text   NOT NULL CHECK (length(tag) BETWEEN 1 AND 500),
    post_id     bigint NOT NULL REFERENCES posts ON DELETE CASCADE,
    PRIMARY KEY (tag, post_id)
);
CREATE INDEX post_tags_post ON post_tags (post_id);
CREATE INDEX post_tags_prefix ON post_tags (tag text_pattern_ops);

CREATE TABLE tags (
    tag         text        PRIMARY KEY,
    shown       text        NOT NULL,
    posts_count integer     NOT NULL DEFAULT 0,
    last_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX tags_prefix ON tags (tag text_pattern_ops);
COMMENT ON TABLE tags IS 'Tags of open posts, as they were first written; counts are for ordering, not for accounting';

CREATE TABLE mentions (
    account_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    post_id     bigint NOT NULL REFERENCES posts ON DELETE CASCADE,
    PRIMARY KEY (account_id, post_id)
);
CREATE INDEX mentions_post ON mentions (post_id);

CREATE TABLE post_edits (
    id          bigint      PRIMARY KEY DEFAULT snowflake(),
    post_id     bigint      NOT NULL REFERENCES posts ON DELETE CASCADE,
    text        text        NOT NULL,
    html        text        NOT NULL,
    summary     text        NOT NULL,
    sensitive   boolean     NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX post_edits_post ON post_edits (post_id, id);
COMMENT ON TABLE post_edits IS 'How a post read before each edit; created_at is when it began to read so';

CREATE TABLE idempotency_keys (
    account_id  bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    key         text        NOT NULL CHECK (length(key) <= 200),
    post_id     bigint      NOT NULL REFERENCES posts ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_keys_post ON idempotency_keys (post_id);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
COMMENT ON TABLE idempotency_keys IS 'One post a key, whatever is sent again; forgotten after a day';

------------------------------------------------------------------------------------------------ how they stand to each other

CREATE TABLE follows (
    id          bigint      NOT NULL UNIQUE DEFAULT snowflake(),
    follower_id bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    followee_id bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    accepted    boolean     NOT NULL,
    show_boosts boolean     NOT NULL DEFAULT true,
    notify      boolean     NOT NULL DEFAULT false,
    uri         text        UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (follower_id, followee_id),
    CHECK (follower_id <> followee_id)
);
CREATE INDEX follows_followee ON follows (followee_id, id DESC);
CREATE INDEX follows_notify ON follows (followee_id) WHERE notify;
CREATE INDEX follows_follower ON follows (follower_id, id DESC);
COMMENT ON COLUMN follows.accepted IS 'False while the followed one (locked, or elsewhere) has not said yes';

CREATE TABLE blocks (
    id          bigint      NOT NULL UNIQUE DEFAULT snowflake(),
    account_id  bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    target_id   bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, target_id),
    CHECK (account_id <> target_id)
);
CREATE INDEX blocks_target ON blocks (target_id);

CREATE TABLE mutes (
    id            bigint      NOT NULL UNIQUE DEFAULT snowflake(),
    account_id    bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    target_id     bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    notifications boolean     NOT NULL DEFAULT true,
    expires_at    timestamptz,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, target_id),
    CHECK (account_id <> target_id)
);
CREATE INDEX mutes_target ON mutes (target_id);
COMMENT ON COLUMN mutes.notifications IS 'Whether notifications by the muted one are hidden as well';

CREATE TABLE favourites (
    id          bigint NOT NULL UNIQUE DEFAULT snowflake(),
    account_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    post_id     bigint NOT NULL REFERENCES posts ON DELETE CASCADE,
    PRIMARY KEY (account_id, post_id)
);
CREATE INDEX favourites_by_account ON favourites (account_id, id DESC);
CREATE INDEX favourites_post ON favourites (post_id, id DESC);

CREATE TABLE bookmarks (
    id          bigint NOT NULL UNIQUE DEFAULT snowflake(),
    account_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    post_id     bigint NOT NULL REFERENCES posts ON DELETE CASCADE,
    PRIMARY KEY (account_id, post_id)
);
CREATE INDEX bookmarks_by_account ON bookmarks (account_id, id DESC);
CREATE INDEX bookmarks_post ON bookmarks (post_id);

CREATE TABLE notifications (
    id          bigint      PRIMARY KEY DEFAULT snowflake(),
    account_id  bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    kind        text        NOT NULL CHECK (kind IN ('mention', 'reply', 'follow', 'follow_request', 'boost', 'favourite', 'edit', 'post', 'sign_up')),
    actor_id    bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    post_id     bigint      REFERENCES posts ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX notifications_once ON notifications (account_id, kind, actor_id, (coalesce(post_id, 0)));
CREATE INDEX notifications_by_account ON notifications (account_id, id DESC);
CREATE INDEX notifications_post ON notifications (post_id) WHERE post_id IS NOT NULL;
CREATE INDEX notifications_actor ON notifications (actor_id);

------------------------------------------------------------------------------------------------------------- what happens

CREATE TABLE outbox (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text        NOT NULL,
    account_id   bigint,
    recipient_id bigint,
    post_id      bigint,
    detail       jsonb
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE outbox IS 'Events as their writers leave them, in the transaction of the change. The sequencer moves them to events';

CREATE TABLE events (
    position     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind         text        NOT NULL,
    account_id   bigint,
    recipient_id bigint,
    post_id      bigint,
    detail       jsonb
);
CREATE INDEX events_at ON events (at);
COMMENT ON TABLE events IS 'The one ordered log under all live surfaces. A position is given after the commit, by one sequencer at a time';
COMMENT ON COLUMN events.account_id IS 'Who did it; no foreign key, the log outlives them';
COMMENT ON COLUMN events.recipient_id IS 'Whom it is for alone; null: judged by the visibility of the post';
COMMENT ON COLUMN events.detail IS 'post, edit, boost, delete: the audience; notification: its id; revoked: the session or token';

-------------------------------------------------------------------------------------------------------------------- work

CREATE TABLE jobs (
    id           bigint      PRIMARY KEY DEFAULT snowflake(),
    kind         text        NOT NULL,
    payload      jsonb       NOT NULL DEFAULT '{}',
    key          text        UNIQUE,
    run_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts     integer     NOT NULL DEFAULT 0,
    leased_until timestamptz,
    lease        bigint,
    parked_at    timestamptz,
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX jobs_due ON jobs (run_at) WHERE parked_at IS NULL;
COMMENT ON TABLE jobs IS 'Work to do. Taken under a lease; deleted when done, in the transaction of its effect; parked after its tries';
COMMENT ON COLUMN jobs.key IS 'At most one job of a key is waiting, so that a burst asks once';
COMMENT ON COLUMN jobs.lease IS 'Who took it (random): only the holder may finish or fail it';
