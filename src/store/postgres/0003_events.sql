-- What each change of a journey left behind, for watchers.

-- The sequence of the newest event; 0 where the tree is older than this table.
ALTER TABLE journeys ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;

CREATE TABLE events (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The transaction that wrote it: transactions end in another order than they take positions, so a reader goes by both, and never
    -- beyond the oldest transaction that has not ended.
    transaction BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    tenant TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- The feed's note and the tree, sealed apart: the feed does not read trees.
    note BYTEA NOT NULL,
    tree BYTEA NOT NULL
);
CREATE UNIQUE INDEX events_journey ON events (tenant, journey_id, sequence);
CREATE INDEX events_feed ON events (tenant, transaction, position);
CREATE INDEX events_age ON events (at);
-- Only a long history has more than is kept, and only a high sequence can be of one.
CREATE INDEX events_long ON events (sequence);

-- The newest place from which an event was removed: whoever stands before it has missed something.
CREATE TABLE feed_floor (
    tenant TEXT PRIMARY KEY,
    transaction BIGINT NOT NULL,
    position BIGINT NOT NULL
);
