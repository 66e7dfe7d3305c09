-- Work that is asked for again while it runs, what mail went to whom, and the figures of each day.

ALTER TABLE jobs ADD COLUMN again_at timestamptz;
COMMENT ON COLUMN jobs.again_at IS 'Asked for again while it ran: it waits anew from then on, instead of being deleted when done';
CREATE INDEX jobs_parked ON jobs (parked_at) WHERE parked_at IS NOT NULL;

ALTER TABLE notifications ADD COLUMN mailed_at timestamptz;
COMMENT ON COLUMN notifications.mailed_at IS 'When a mail told of it. A mark on each row, not one high-water mark: ids become visible out of order';

CREATE TABLE mail_states (
    account_id        bigint      PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    email             text        NOT NULL,
    notified_at       timestamptz,
    unconfirmed_count integer     NOT NULL DEFAULT 0,
    bounces           integer     NOT NULL DEFAULT 0,
    hour_began        timestamptz NOT NULL DEFAULT clock_timestamp(),
    hour_count        integer     NOT NULL DEFAULT 0
);
COMMENT ON TABLE mail_states IS 'What went to an address, to keep floods and dead addresses in check. Counts of another address than email are void';
COMMENT ON COLUMN mail_states.notified_at IS 'When the last mail about notifications was taken by the mail server';
COMMENT ON COLUMN mail_states.unconfirmed_count IS 'Mails about notifications sent while the address was not confirmed';
COMMENT ON COLUMN mail_states.bounces IS 'Times in a row that the mail server refused the address for good';
COMMENT ON COLUMN mail_states.hour_count IS 'Mails of all kinds since hour_began, which moves on when an hour has passed';

CREATE TABLE statistic_days (
    day         date        PRIMARY KEY,
    time_zone   text        NOT NULL,
    computed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE statistic_days IS 'The days whose figures stand. Who inserts the row computes the day, in that transaction';

CREATE TABLE daily_statistics (
    day     date   NOT NULL REFERENCES statistic_days ON DELETE CASCADE,
    measure text   NOT NULL CHECK (measure IN ('posts', 'replies', 'boosts', 'favourites', 'active', 'sign_ups', 'readers')),
    value   bigint NOT NULL CHECK (value >= 0),
    PRIMARY KEY (day, measure)
);

CREATE TABLE daily_tags (
    day    date    NOT NULL REFERENCES statistic_days ON DELETE CASCADE,
    tag    text    NOT NULL,
    people integer NOT NULL,
    posts  integer NOT NULL,
    PRIMARY KEY (day, tag)
);
COMMENT ON TABLE daily_tags IS 'The tags that most people used in public posts of that day';

CREATE TABLE reader_samples (
    at      timestamptz NOT NULL,
    process text        NOT NULL,
    readers integer     NOT NULL CHECK (readers > 0),
    PRIMARY KEY (at, process)
);
COMMENT ON TABLE reader_samples IS 'Live readers of each process, by the minute; kept until their day has been computed, and a week';
