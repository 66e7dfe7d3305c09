-- What the services of people need beside the first schema.

-- Search offers people by the beginning of their name, whatever the database's collation.
CREATE INDEX accounts_name_prefix ON accounts (lower(name) text_pattern_ops);

-- People waiting for approval are few among many.
CREATE INDEX accounts_pending ON accounts (id) WHERE state = 'pending';

-- Listings of mutes and blocks, newest first.
CREATE INDEX blocks_by_account ON blocks (account_id, id DESC);
CREATE INDEX mutes_by_account ON mutes (account_id, id DESC);

CREATE TABLE reserved_names (
    name        text        PRIMARY KEY,
    reserved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE reserved_names IS 'Names of deleted accounts: nobody takes one up again, as old posts still name them';
