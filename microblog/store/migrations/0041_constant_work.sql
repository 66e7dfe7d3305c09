-- Indexes for what would look at more rows the older and larger a site is.

CREATE INDEX accounts_created ON accounts (created_at);
COMMENT ON INDEX accounts_created IS 'Sign-ups of a day';

CREATE INDEX follows_waiting ON follows (followee_id, id DESC) WHERE NOT accepted;
COMMENT ON INDEX follows_waiting IS 'Requests to follow, among many followers';

CREATE INDEX notifications_about ON notifications (post_id, kind, id DESC) WHERE post_id IS NOT NULL;
COMMENT ON INDEX notifications_about IS 'A group of notifications about a post; and those of a post that is deleted';
DROP INDEX notifications_post;

CREATE INDEX notifications_follows ON notifications (account_id, created_at DESC) WHERE kind = 'follow';
COMMENT ON INDEX notifications_follows IS 'A group of the followers of a day';

CREATE INDEX notifications_waiting ON notifications (account_id, id DESC) WHERE filtered;
COMMENT ON INDEX notifications_waiting IS 'The newest notifications among the requests';

-- What is pruned is found by its age.
CREATE INDEX notifications_filtered_age ON notifications (id) WHERE filtered;
CREATE INDEX mutes_expiry ON mutes (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX email_tokens_expiry ON email_tokens (expires_at);
CREATE INDEX grants_created ON grants (created_at);
