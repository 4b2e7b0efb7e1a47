-- The sealing keys that something stored may be under. A key leaves when nothing is under it any more; until then no gateway starts without it.
CREATE TABLE seal_keys (
    -- The key's id, which is made from it.
    id BYTEA PRIMARY KEY,
    -- A known text under the key.
    sealed BYTEA NOT NULL,
    -- True for the key of what was sealed before keys had ids.
    unnamed BOOLEAN NOT NULL DEFAULT false
);

-- The key of all look-ups and ids, sealed. It stays when sealing keys change.
CREATE TABLE hash_key (
    id SMALLINT PRIMARY KEY CHECK (id = 1),
    sealed BYTEA NOT NULL
);
