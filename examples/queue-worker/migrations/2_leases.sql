-- queued: the time of the next attempt. submitting: the end of the claim's lease. submitted: the next collection, or
-- the end of the lease of the worker that is collecting. Otherwise: the time of the last change.
ALTER TABLE speeches ADD COLUMN due BIGINT NOT NULL DEFAULT 0;
-- The number of claims. It never decreases, so that a database that went back is recognised.
ALTER TABLE speeches ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
-- The host and the path of the speech.
ALTER TABLE speeches ADD COLUMN place TEXT;
UPDATE speeches SET due = since WHERE state IN ('done', 'failed', 'in doubt');
-- `worker` is now the process that holds the lease. The earlier workers have none, so their claims have ended.
UPDATE speeches SET worker = NULL;

DROP INDEX IF EXISTS speeches_by_state;
CREATE INDEX speeches_by_due ON speeches (state, due, number);
CREATE INDEX speeches_by_worker ON speeches (worker, state) WHERE worker IS NOT NULL;
CREATE INDEX speeches_by_problem ON speeches (state, number) WHERE problem IS NOT NULL;

CREATE TABLE batches (
    name TEXT PRIMARY KEY, digest TEXT NOT NULL, texts BIGINT NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL
);

-- The single row of the queue. `backend`: the API or simulators. `epoch`: a random name that changes after each restore.
-- `went_back`: 1 if a worker has found that the database lost its claim. `cleaned`: the largest number that `clean` removed.
CREATE TABLE queue (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    backend TEXT,
    epoch TEXT,
    went_back INTEGER NOT NULL DEFAULT 0,
    cleaned BIGINT NOT NULL DEFAULT 0
);
INSERT INTO queue (one, backend) VALUES (1, (SELECT kind FROM spoken_by));
DROP TABLE spoken_by;
