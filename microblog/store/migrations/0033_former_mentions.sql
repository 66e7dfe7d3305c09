-- An account that an edit no longer names keeps the version that named it.

ALTER TABLE mentions ADD COLUMN until_edit bigint;
COMMENT ON COLUMN mentions.until_edit IS 'The edit that no longer named the account, as the row of post_edits with the version before: the account reads that one. Null: still named';
