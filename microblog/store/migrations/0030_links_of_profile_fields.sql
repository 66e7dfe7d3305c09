-- Links of profile fields say that they are about the account (rel="me"). Rendered HTML is stored, so it changes here.

UPDATE accounts SET fields = (
    SELECT jsonb_agg(
        CASE WHEN jsonb_typeof(f.field -> 'html') = 'string' THEN jsonb_set(f.field, '{html}', to_jsonb(
            replace(f.field ->> 'html', ' dir="ltr" rel="nofollow noopener ugc"',
                ' dir="ltr" rel="me nofollow noopener ugc"')))
        ELSE f.field END ORDER BY f.place)
    FROM jsonb_array_elements(fields) WITH ORDINALITY f (field, place))
WHERE fields::text LIKE '%rel=\\"nofollow noopener ugc\\"%';
