-- Programs that act for people: apps, what people allow them, and the codes and tokens that come of it (RFC 6749).

CREATE TABLE apps (
    id            bigint      PRIMARY KEY DEFAULT snowflake(),
    client_id     text        NOT NULL UNIQUE CHECK (length(client_id) BETWEEN 20 AND 100),
    secret_hash   bytea       NOT NULL CHECK (length(secret_hash) = 32),
    name          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    website       text        CHECK (length(website) <= 2000),
    redirect_uris text[]      NOT NULL CHECK (cardinality(redirect_uris) BETWEEN 1 AND 20),
    scopes        text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX apps_created ON apps (created_at);
COMMENT ON TABLE apps IS 'Programs that registered themselves. Only the SHA-256 of their secret is here';
COMMENT ON COLUMN apps.redirect_uris IS 'Where an answer may go; compared byte by byte';

CREATE TABLE grants (
    id         bigint      PRIMARY KEY DEFAULT snowflake(),
    app_id     bigint      NOT NULL REFERENCES apps ON DELETE CASCADE,
    account_id bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    scopes     text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX grants_account ON grants (account_id, app_id);
CREATE INDEX grants_app ON grants (app_id);
COMMENT ON TABLE grants IS 'What somebody allowed an app, once. Whatever came of it hangs on it, and goes with it';

CREATE TABLE authorization_codes (
    code_hash    bytea       PRIMARY KEY CHECK (length(code_hash) = 32),
    grant_id     bigint      NOT NULL REFERENCES grants ON DELETE CASCADE,
    redirect_uri text        NOT NULL,
    challenge    text        CHECK (length(challenge) = 43),
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);
CREATE INDEX authorization_codes_grant ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at);
COMMENT ON TABLE authorization_codes IS 'Only the SHA-256 is here. A used one stays a while, so that using it again is noticed';
COMMENT ON COLUMN authorization_codes.challenge IS 'PKCE, S256 (RFC 7636)';

CREATE TABLE refresh_tokens (
    token_hash bytea       PRIMARY KEY CHECK (length(token_hash) = 32),
    grant_id   bigint      NOT NULL REFERENCES grants ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id);
CREATE INDEX refresh_tokens_used ON refresh_tokens (used_at) WHERE used_at IS NOT NULL;
COMMENT ON TABLE refresh_tokens IS 'Used once each: with the new access token comes a new one of these';

ALTER TABLE tokens ALTER COLUMN account_id DROP NOT NULL;
ALTER TABLE tokens ADD COLUMN app_id bigint REFERENCES apps ON DELETE CASCADE;
ALTER TABLE tokens ADD COLUMN grant_id bigint REFERENCES grants ON DELETE CASCADE;
ALTER TABLE tokens ADD CHECK (account_id IS NOT NULL OR app_id IS NOT NULL);
CREATE INDEX tokens_app ON tokens (app_id) WHERE app_id IS NOT NULL;
CREATE INDEX tokens_grant ON tokens (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX tokens_expiry ON tokens (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON COLUMN tokens.account_id IS 'Null: the app acts for itself (client credentials)';
COMMENT ON COLUMN tokens.app_id IS 'Null: somebody made the token for themselves';
