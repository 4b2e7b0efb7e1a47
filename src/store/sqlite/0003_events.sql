-- What each change of a journey left behind, for watchers.

-- The sequence of the newest event; 0 where the tree is older than this table.
ALTER TABLE journeys ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;

CREATE TABLE events (
    -- Never given twice, not even after the newest one was removed: a reader's place stays behind whatever comes.
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    -- The feed's note and the tree, sealed apart: the feed does not read trees.
    note BLOB NOT NULL,
    tree BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_journey ON events (tenant, journey_id, sequence);
CREATE INDEX events_feed ON events (tenant, position);
CREATE INDEX events_age ON events (at);
-- Only a long history has more than is kept, and only a high sequence can be of one.
CREATE INDEX events_long ON events (sequence);

-- The newest place from which an event was removed: whoever stands before it has missed something.
CREATE TABLE feed_floor (
    tenant TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
