-- The ledger of the versions before 2, which had no record of their schema.
CREATE TABLE IF NOT EXISTS speeches (
    number KEY,
    text TEXT NOT NULL,
    voice TEXT,
    state TEXT NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'submitting', 'submitted', 'done', 'failed', 'in doubt')),
    since BIGINT NOT NULL,
    server TEXT,
    worker TEXT,
    claim TEXT,
    task TEXT,
    problem TEXT
);
CREATE TABLE IF NOT EXISTS spoken_by (one INTEGER PRIMARY KEY CHECK (one = 1), kind TEXT NOT NULL);
