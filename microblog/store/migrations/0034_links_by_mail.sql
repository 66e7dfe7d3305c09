-- The secret of a link is made when its mail is sent. Until then there is only a request for one, which opens nothing.

ALTER TABLE email_tokens ADD COLUMN request bytea REFERENCES email_tokens ON DELETE CASCADE;
ALTER TABLE email_tokens ADD COLUMN place text;
CREATE INDEX email_tokens_request ON email_tokens (request) WHERE request IS NOT NULL;
CREATE INDEX email_tokens_email ON email_tokens (lower(email), created_at);
COMMENT ON COLUMN email_tokens.request IS 'The request that this link was made for, and ends with; null: it is a request';
COMMENT ON COLUMN email_tokens.place IS 'The network that asked for it, so that nobody uses up the owner''s share; null: unknown';
