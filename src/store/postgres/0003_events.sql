-- What each change of a journey left behind, for watchers. A binary that does not know this table writes trees without events; whoever
-- watches then gets the whole tree instead.

-- The sequence of the newest event; 0 where the tree is older than this table.
ALTER TABLE journeys ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;

CREATE TABLE events (
    -- Transactions end in another order than they took their numbers, so what is committed late would be passed over by whoever reads in
    -- the order of ids. The order of the feed is that of transactions, and it is read only up to the oldest that is still under way.
    transaction BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
CREATE INDEX events_feed ON events (tenant, transaction, id);
CREATE INDEX events_age ON events (at);
-- Only a long history has more than is kept, and only a high sequence can be of one.
CREATE INDEX events_long ON events (sequence);

-- The newest place from which an event was removed: whoever stands before it has missed something.
CREATE TABLE feed_floor (
    tenant TEXT PRIMARY KEY,
    transaction BIGINT NOT NULL,
    id BIGINT NOT NULL
);
