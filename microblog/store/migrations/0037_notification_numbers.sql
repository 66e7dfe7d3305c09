-- A second, small number for each notification: where clients read a JSON number, JavaScript rounds ids above 2^53.

CREATE SEQUENCE notification_numbers AS bigint START WITH 1000001;
COMMENT ON SEQUENCE notification_numbers IS 'Begins above what clients send as a smallest cursor, such as 0 or 1';

-- Rows that exist stay without a number, so that nothing rewrites the table while it is locked. They go by their id.
ALTER TABLE notifications ADD COLUMN number bigint;
ALTER TABLE notifications ALTER COLUMN number SET DEFAULT nextval('notification_numbers');
ALTER SEQUENCE notification_numbers OWNED BY notifications.number;
CREATE UNIQUE INDEX notifications_number ON notifications (account_id, number) WHERE number IS NOT NULL;
COMMENT ON COLUMN notifications.number IS 'Another name for the row, which fits in a JSON number and does not sort by time; null for rows older than it';
