-- Which direct posts reach an account, which versions of a post it may read, and what it has read.

ALTER TABLE mentions ADD COLUMN withheld boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN mentions.withheld IS 'A block or the notification policy of the account keeps this direct post out of its conversations';
ALTER TABLE mentions ADD COLUMN after_edit bigint;
COMMENT ON COLUMN mentions.after_edit IS 'The edit that named the account: it may read later versions only. Null: named from the beginning';

ALTER TABLE notifications ADD COLUMN xid xid8;
ALTER TABLE notifications ALTER COLUMN xid SET DEFAULT pg_current_xact_id();
COMMENT ON COLUMN notifications.xid IS 'The transaction that wrote it. Null: written before there was this column';
ALTER TABLE users ADD COLUMN notifications_read_snapshot pg_snapshot;
COMMENT ON COLUMN users.notifications_read_snapshot IS 'What had been committed when notifications_read_id was set: a notification that commits later stays unread, whatever its id';
