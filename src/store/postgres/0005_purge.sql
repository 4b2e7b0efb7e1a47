-- Every item that fetches bring is sealed under a key of its own, which stands here wrapped under the store's key. Without its key a row
-- cannot be opened, nor can any older copy of it: purging destroys the key.
CREATE TABLE item_keys (
    tenant TEXT NOT NULL,
    fetch_id TEXT NOT NULL,
    -- snapshot, evidence, document, or increment; the last stands under its consent instead of a fetch.
    kind TEXT NOT NULL,
    -- The document's format, or the increment's hash in hexadecimal; empty for the other kinds.
    part TEXT NOT NULL,
    wrapped BYTEA NOT NULL,
    PRIMARY KEY (tenant, fetch_id, kind, part)
);

-- What was removed before or on its date, and why. Nothing is kept of a fetch that stands here.
CREATE TABLE receipts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    -- Empty for a whole journey.
    fetch_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    snapshots BIGINT NOT NULL,
    evidence BIGINT NOT NULL,
    documents BIGINT NOT NULL,
    purge_at BIGINT NOT NULL
);
CREATE INDEX receipts_fetch ON receipts (tenant, fetch_id);
CREATE INDEX receipts_journey ON receipts (tenant, journey_id);
CREATE INDEX receipts_purge ON receipts (purge_at);

-- When the tree is removed. What was written before gets a year; the next change sets the right date.
ALTER TABLE journeys ADD COLUMN purge_at BIGINT;
UPDATE journeys SET purge_at = updated_at + 31536000000;
CREATE INDEX journeys_purge ON journeys (purge_at) WHERE purge_at IS NOT NULL;
CREATE INDEX journey_refs_journey ON journey_refs (tenant, journey_id);
CREATE INDEX requests_journey ON requests (tenant, journey_id);
