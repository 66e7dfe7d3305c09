-- The deletion of an account in batches: the account disappears at once, its rows go one batch after another.

ALTER TABLE accounts ADD COLUMN deleted_at timestamptz;
COMMENT ON COLUMN accounts.deleted_at IS 'When its owner deleted it. It is suspended as well, so that an earlier release hides it; a job deletes its rows';

