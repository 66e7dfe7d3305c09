-- Links of profile fields say that they are about the account (rel="me"). Rendered HTML is stored, so it changes here.

UPDATE accounts SET fields = (
    SELECT jsonb_agg(
        CASE WHEN jsonb_typeof(f.field -> 'html') = 'string' THEN jsonb_set(f.field, '{html}', to_jsonb(
            replace(f.field ->> 'html', ' dir="ltr" rel="nofollow noopener ugc"',
                ' dir="ltr" rel="me nofollow noopener ugc"')))
        ELSE f.field END ORDER BY f.place)
    FROM jsonb_array_elements(fields) WITH ORDINALITY f (field, place))
WHERE fields::text LIKE '%rel=\\"nofollow noopener ugc\\"%';

-- Posts are found by the addresses that they link to: domain/links.py, address_token, makes the same words.

UPDATE posts p SET search = p.search || to_tsvector('simple', l.words)
FROM (
    SELECT o.id, string_agg(DISTINCT 'link' || md5(
        regexp_replace(regexp_replace(replace(m[1], '&amp;', '&'), '#.*$', ''), '/(?=\?|$)', '')), ' ') AS words
    FROM posts o, regexp_matches(o.html, '<a href="https?://([^"]+)" dir="ltr"', 'g') m
    GROUP BY o.id) l
WHERE p.id = l.id AND p.search IS NOT NULL;
