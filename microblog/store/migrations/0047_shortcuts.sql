-- WCAG 2.1.4: keyboard shortcuts of a single letter can be switched off.

ALTER TABLE users ADD COLUMN shortcuts boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN users.shortcuts IS 'Whether single letters are keyboard shortcuts on the website';
