-- Notifications whose act was taken back: the notification goes, and how often that happened is kept for a day.

CREATE TABLE withdrawn_notifications (
    account_id  bigint      NOT NULL,
    kind        text        NOT NULL,
    actor_id    bigint      NOT NULL,
    post_id     bigint      NOT NULL,
    times       integer     NOT NULL DEFAULT 1,
    began_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, kind, actor_id, post_id)
);
CREATE INDEX withdrawn_notifications_began ON withdrawn_notifications (began_at);
COMMENT ON TABLE withdrawn_notifications IS 'How often an act that notified account_id was taken back since began_at. Pruned after a day; no foreign keys, as nothing depends on it';
COMMENT ON COLUMN withdrawn_notifications.post_id IS '0 where the act is about no post';
