-- Everything personal is in a `sealed` column (AES-256-GCM); look-ups go by keyed hash. Instants are milliseconds since 1970.

CREATE TABLE key_check (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BLOB NOT NULL
) STRICT;

-- The tree of a journey.
CREATE TABLE journeys (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    provider TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- When the background looks at it next; NULL is never.
    due_at INTEGER,
    -- 1 from a wake until the background begins its look: whoever writes the tree meanwhile leaves due_at as it is.
    woken INTEGER NOT NULL DEFAULT 0,
    sealed BLOB NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX journeys_due ON journeys (due_at) WHERE due_at IS NOT NULL;

-- Which journey a provider's message is about.
CREATE TABLE journey_refs (
    hash BLOB NOT NULL,
    tenant TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    PRIMARY KEY (hash, tenant, journey_id)
) STRICT, WITHOUT ROWID;

-- Writes by the caller's request id.
CREATE TABLE requests (
    hash BLOB PRIMARY KEY,
    tenant TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    journey_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- The answer; NULL while in flight.
    sealed BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_age ON requests (created_at);

-- Normalised rows of a fetch.
CREATE TABLE snapshots (
    tenant TEXT NOT NULL,
    fetch_id TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    -- The provider call that brought them, when it answered, and which normaliser made the rows.
    endpoint TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    normaliser_version INTEGER NOT NULL,
    purge_at INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (tenant, fetch_id)
) STRICT;
CREATE INDEX snapshots_purge ON snapshots (purge_at);

-- What a snapshot was made from, as the provider sent it; only where the tenant retains it. What stands beside the sealed body is
-- authenticated with it.
CREATE TABLE evidence (
    tenant TEXT NOT NULL,
    fetch_id TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    media_type TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    -- Of the body, not of the sealed bytes.
    sha256 BLOB NOT NULL,
    purge_at INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (tenant, fetch_id)
) STRICT;
CREATE INDEX evidence_purge ON evidence (purge_at);

-- Documents of an analysis.
CREATE TABLE documents (
    tenant TEXT NOT NULL,
    fetch_id TEXT NOT NULL,
    format TEXT NOT NULL,
    media_type TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    normaliser_version INTEGER NOT NULL,
    purge_at INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (tenant, fetch_id, format)
) STRICT;
CREATE INDEX documents_purge ON documents (purge_at);
