-- Counts of hashtags that follow the posts, through edits and deletions of every kind.
--
-- A trigger notes each change beside the post, in its transaction, as a new row: nobody waits for anybody. What was
-- noted is added to the counts afterwards (store/tag_counts.py), by one process at a time.

CREATE TABLE tag_changes (
    id          bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tag         text     NOT NULL,
    account_id  bigint   NOT NULL,
    day         date     NOT NULL,
    by          smallint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE tag_changes IS 'Uses of tags in public posts that came (1) or went (-1), and are not counted yet';
COMMENT ON COLUMN tag_changes.day IS 'The UTC day of the post';

ALTER TABLE tags ADD COLUMN uses integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN tags.uses IS 'Public posts with the tag, except what tag_changes has';
COMMENT ON COLUMN tags.posts_count IS 'Counted by earlier releases, which lose count of edits; superseded by uses';

CREATE TABLE tag_days (
    tag     text    NOT NULL,
    day     date    NOT NULL,
    uses    integer NOT NULL,
    people  integer NOT NULL,
    PRIMARY KEY (tag, day)
);
CREATE INDEX tag_days_day ON tag_days (day);
COMMENT ON TABLE tag_days IS 'How often a tag was used on a day, and by how many people; for the last days only';

CREATE TABLE tag_day_accounts (
    tag         text    NOT NULL,
    day         date    NOT NULL,
    account_id  bigint  NOT NULL,
    uses        integer NOT NULL,
    PRIMARY KEY (tag, day, account_id)
);
CREATE INDEX tag_day_accounts_day ON tag_day_accounts (day);
COMMENT ON TABLE tag_day_accounts IS 'Who used a tag on a day, so that people are counted once; for the last days only';

ALTER TABLE featured_tags ADD COLUMN uses integer NOT NULL DEFAULT 0, ADD COLUMN last_at timestamptz;
COMMENT ON COLUMN featured_tags.uses IS 'Public and unlisted posts of the account with the tag; last_at is when the newest was written';

CREATE FUNCTION count_tags() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gone text[] := '{}';
    come text[] := '{}';
    post posts;
BEGIN
    IF TG_OP <> 'INSERT' THEN gone := OLD.tags; END IF;
    IF TG_OP <> 'DELETE' THEN come := NEW.tags; post := NEW; ELSE post := OLD; END IF;
    IF post.visibility = 'public' THEN
        INSERT INTO tag_changes (tag, account_id, day, by)
        SELECT t.tag, post.author_id, (post.created_at AT TIME ZONE 'UTC')::date, sum(t.by) FROM (
            SELECT DISTINCT unnest(come) AS tag, 1 AS by UNION ALL SELECT DISTINCT unnest(gone), -1) t
        GROUP BY t.tag HAVING sum(t.by) <> 0;
    END IF;
    UPDATE featured_tags f SET uses = f.uses + (f.tag = ANY (come))::integer - (f.tag = ANY (gone))::integer,
        last_at = CASE WHEN f.tag = ANY (come) THEN greatest(f.last_at, post.created_at)
            WHEN f.last_at > post.created_at THEN f.last_at
            ELSE (SELECT p.created_at FROM posts p WHERE p.author_id = f.account_id AND f.tag = ANY (p.tags)
                AND p.visibility IN ('public', 'unlisted') AND p.id <> post.id ORDER BY p.id DESC LIMIT 1) END
    WHERE f.account_id = post.author_id AND (f.tag = ANY (come)) <> (f.tag = ANY (gone));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION count_tags IS 'Notes which tags of an open post came and went';

CREATE TRIGGER posts_tags_come AFTER INSERT ON posts FOR EACH ROW
    WHEN (NEW.visibility IN ('public', 'unlisted') AND NEW.tags <> '{}') EXECUTE FUNCTION count_tags();
CREATE TRIGGER posts_tags_change AFTER UPDATE OF tags ON posts FOR EACH ROW
    WHEN (NEW.visibility IN ('public', 'unlisted') AND OLD.tags <> NEW.tags) EXECUTE FUNCTION count_tags();
CREATE TRIGGER posts_tags_go AFTER DELETE ON posts FOR EACH ROW
    WHEN (OLD.visibility IN ('public', 'unlisted') AND OLD.tags <> '{}') EXECUTE FUNCTION count_tags();
