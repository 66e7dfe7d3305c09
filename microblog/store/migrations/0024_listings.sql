-- Listings that would look at everybody, or at every post, to find the few that they show.

CREATE INDEX accounts_remote ON accounts (id) WHERE domain IS NOT NULL;
COMMENT ON INDEX accounts_remote IS 'The timeline of other sites: where nobody is from one, no post need be looked at';

CREATE INDEX accounts_followed ON accounts (followers_count DESC, id) WHERE discoverable AND state = 'active';
COMMENT ON INDEX accounts_followed IS 'People whose names begin with one letter, and suggestions: those whom most follow come first';

CREATE INDEX posts_language ON posts (language, id DESC) WHERE boost_of_id IS NULL;
COMMENT ON INDEX posts_language IS 'Search by a language that few write in';
