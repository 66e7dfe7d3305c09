-- RFC 6749, section 4.1.3: the redirect URI has to come with the code if it came with the request for it.

ALTER TABLE authorization_codes ADD COLUMN uri_sent boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN authorization_codes.uri_sent IS 'Whether the program sent its redirect URI, or left it to what it registered';
