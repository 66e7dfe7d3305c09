-- What people choose about being found: by search of posts, by search engines, through lists of followers.
--
-- Each column has a default, so that the previous release can insert beside this one.

ALTER TABLE accounts
    ADD COLUMN indexable        boolean NOT NULL DEFAULT true,
    ADD COLUMN noindex          boolean NOT NULL DEFAULT false,
    ADD COLUMN hide_collections boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN accounts.indexable IS 'Everyone finds its public posts by searching for words';
COMMENT ON COLUMN accounts.noindex IS 'Search engines are asked to leave its pages out';
COMMENT ON COLUMN accounts.hide_collections IS 'Only the account itself sees its followers and whom it follows';

-- The API has said so of these accounts all along.
UPDATE accounts SET indexable = false, noindex = true WHERE NOT discoverable;

ALTER TABLE users ADD COLUMN attribution_domains text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN users.attribution_domains IS 'Hosts whose pages may name the account as their author';

ALTER TABLE notification_policies ADD COLUMN for_limited_accounts text NOT NULL DEFAULT 'accept'
    CHECK (for_limited_accounts IN ('accept', 'filter', 'drop'));
