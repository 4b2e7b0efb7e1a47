-- What providers sent by themselves. The body is sealed; the secret part of its address is kept as a hash only, together with the body's.
CREATE TABLE inbox (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    provider TEXT NOT NULL,
    credential TEXT NOT NULL,
    -- The attempt whose own address it came to.
    journey_id TEXT,
    attempt_id TEXT,
    -- 1 if its signature was right; 0 is a hint. Authenticated with the sealed body.
    verified INTEGER NOT NULL,
    -- Keyed hash of provider, credential, address and body: the same message again changes nothing.
    dedupe BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    -- When it is tried next; NULL is never.
    next_at INTEGER,
    purge_at INTEGER NOT NULL,
    -- The journey whose financial data it holds.
    data_of TEXT,
    -- NULL once the data had to go before the purge date.
    sealed BLOB,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE UNIQUE INDEX inbox_dedupe ON inbox (tenant, dedupe);
CREATE INDEX inbox_due ON inbox (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX inbox_purge ON inbox (purge_at);
CREATE INDEX inbox_data ON inbox (tenant, data_of) WHERE data_of IS NOT NULL;

-- What parked messages wait for, by the hash that journey_refs has too.
CREATE TABLE inbox_refs (
    hash BLOB NOT NULL,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (hash, tenant, id),
    FOREIGN KEY (tenant, id) REFERENCES inbox (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_refs_message ON inbox_refs (tenant, id);
