-- Count the tags of the posts that were there before. What the trigger noted meanwhile is counted later, so it is left
-- out here: each statement sees the posts and the notes as of one moment.

INSERT INTO tags AS t (tag, shown, uses)
SELECT tag, tag, sum(uses)::integer FROM (
    SELECT unnest(tags) AS tag, 1 AS uses FROM posts WHERE visibility = 'public' AND tags <> '{}'
    UNION ALL SELECT tag, -by FROM tag_changes) each
GROUP BY tag
ON CONFLICT (tag) DO UPDATE SET uses = excluded.uses;

INSERT INTO tag_day_accounts AS t (tag, day, account_id, uses)
SELECT tag, day, account_id, sum(uses)::integer FROM (
    SELECT unnest(tags) AS tag, (created_at AT TIME ZONE 'UTC')::date AS day, author_id AS account_id, 1 AS uses
    FROM posts WHERE visibility = 'public' AND tags <> '{}' AND created_at > clock_timestamp() - interval '9 days'
    UNION ALL SELECT tag, day, account_id, -by FROM tag_changes) each
GROUP BY tag, day, account_id
ON CONFLICT (tag, day, account_id) DO UPDATE SET uses = excluded.uses;

INSERT INTO tag_days (tag, day, uses, people)
SELECT tag, day, sum(uses), count(*) FILTER (WHERE uses > 0) FROM tag_day_accounts GROUP BY tag, day
ON CONFLICT (tag, day) DO UPDATE SET uses = excluded.uses, people = excluded.people;

LOCK TABLE featured_tags IN SHARE ROW EXCLUSIVE MODE;
UPDATE featured_tags f SET uses = u.uses, last_at = u.last_at
FROM (SELECT k.id, count(p.id) AS uses, max(p.created_at) AS last_at FROM featured_tags k
    LEFT JOIN posts p ON p.author_id = k.account_id AND k.tag = ANY (p.tags) AND p.visibility IN ('public', 'unlisted')
    GROUP BY k.id) u
WHERE u.id = f.id;
