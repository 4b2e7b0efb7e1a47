-- Everything personal is in a `sealed` column (AES-256-GCM); look-ups go by keyed hash. Instants are milliseconds since 1970, by the
-- gateways' clock; only the life of a replica is measured by the database's.

CREATE TABLE compatibility (
    id SMALLINT PRIMARY KEY CHECK (id = 1),
    -- The newest migration that a binary must know to work on this database.
    oldest BIGINT NOT NULL
);
INSERT INTO compatibility (id, oldest) VALUES (1, 1);

CREATE TABLE key_check (
    id SMALLINT PRIMARY KEY CHECK (id = 1),
    sealed BYTEA NOT NULL
);

-- The processes that work on this database. One that stays silent beyond its date is gone, and what it was at work on is free.
CREATE TABLE replicas (
    id TEXT PRIMARY KEY,
    alive_until TIMESTAMPTZ NOT NULL
);

-- The tree of a journey.
CREATE TABLE journeys (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    provider TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- When the background looks at it next; NULL is never.
    due_at BIGINT,
    -- From a wake until the background begins its look: whoever writes the tree meanwhile leaves due_at as it is.
    woken BOOLEAN NOT NULL DEFAULT false,
    -- The replica whose look is under way, and by when it has ended whatever became of it.
    looking_by TEXT,
    looking_until BIGINT NOT NULL DEFAULT 0,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX journeys_due ON journeys (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX journeys_looked_at ON journeys (looking_by) WHERE looking_by IS NOT NULL;

-- Which journey a provider's message is about.
CREATE TABLE journey_refs (
    hash BYTEA NOT NULL,
    tenant TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    PRIMARY KEY (hash, tenant, journey_id)
);

-- Writes by the caller's request id.
CREATE TABLE requests (
    hash BYTEA PRIMARY KEY,
    tenant TEXT NOT NULL,
    body_hash BYTEA NOT NULL,
    journey_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- The replica that is at work on it; NULL when it has ended.
    owner TEXT,
    -- The answer; NULL while there is none.
    sealed BYTEA
);
CREATE INDEX requests_age ON requests (created_at);
CREATE INDEX requests_owned ON requests (owner) WHERE owner IS NOT NULL;

-- Normalised rows of a fetch.
CREATE TABLE snapshots (
    tenant TEXT NOT NULL,
    fetch_id TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    -- The provider call that brought them, when it answered, and which normaliser made the rows.
    endpoint TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    normaliser_version BIGINT NOT NULL,
    purge_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (tenant, fetch_id)
);
CREATE INDEX snapshots_purge ON snapshots (purge_at);

-- What a snapshot was made from, as the provider sent it; only where the tenant retains it. What stands beside the sealed body is
-- authenticated with it.
CREATE TABLE evidence (
    tenant TEXT NOT NULL,
    fetch_id TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    media_type TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    -- Of the body, not of the sealed bytes.
    sha256 BYTEA NOT NULL,
    purge_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (tenant, fetch_id)
);
CREATE INDEX evidence_purge ON evidence (purge_at);

-- Documents of an analysis.
CREATE TABLE documents (
    tenant TEXT NOT NULL,
    fetch_id TEXT NOT NULL,
    format TEXT NOT NULL,
    media_type TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    normaliser_version BIGINT NOT NULL,
    purge_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (tenant, fetch_id, format)
);
CREATE INDEX documents_purge ON documents (purge_at);

-- Sealed bytes do not compress.
ALTER TABLE journeys ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE snapshots ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE evidence ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE documents ALTER COLUMN sealed SET STORAGE EXTERNAL;
