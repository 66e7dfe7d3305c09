-- A mail address is somebody's once they have confirmed it. Until then anybody may have typed it, several people too.

ALTER TABLE users ADD COLUMN email_pending text CHECK (length(email_pending) <= 254);
COMMENT ON COLUMN users.email_pending IS 'The address that they want instead of email; takes its place when it is confirmed';
COMMENT ON COLUMN users.email_confirmed_at IS 'When email was shown to be theirs; null: whoever typed it may not own it';

CREATE UNIQUE INDEX users_confirmed_email ON users (lower(email)) WHERE email_confirmed_at IS NOT NULL;
CREATE INDEX users_typed_email ON users (lower(email));
DROP INDEX users_email;

ALTER TABLE mail_states ADD COLUMN warned_at timestamptz;
COMMENT ON COLUMN mail_states.warned_at IS 'When the owner of the address was last told that somebody else typed it';
