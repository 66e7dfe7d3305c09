"""Posts in the database: `columns` that every listing selects, `reading` single posts and threads, and `writing`."""
