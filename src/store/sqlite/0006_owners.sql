-- Who is at work on what, so that nobody else begins it; and the oldest release that can work with this schema.

-- The process whose look at the journey is under way, and by when it has ended whatever became of it.
ALTER TABLE journeys ADD COLUMN looking_by TEXT;
ALTER TABLE journeys ADD COLUMN looking_until INTEGER NOT NULL DEFAULT 0;
CREATE INDEX journeys_looked_at ON journeys (looking_by) WHERE looking_by IS NOT NULL;

-- The process that is at work on the request; NULL when it has ended.
ALTER TABLE requests ADD COLUMN owner TEXT;
CREATE INDEX requests_owned ON requests (owner) WHERE owner IS NOT NULL;

CREATE TABLE compatibility (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- The newest migration that a binary must know to work on this database.
    oldest INTEGER NOT NULL
) STRICT;
INSERT INTO compatibility (id, oldest) VALUES (1, 1);
