-- The sealing keys that something stored may be under. A key leaves when nothing is under it any more; until then no gateway starts without it.
CREATE TABLE seal_keys (
    -- The key's id, which is made from it.
    id BLOB PRIMARY KEY,
    -- A known text under the key.
    sealed BLOB NOT NULL,
    -- 1 for the key of what was sealed before keys had ids.
    unnamed INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- The key of all look-ups and ids, sealed. It stays when sealing keys change.
CREATE TABLE hash_key (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BLOB NOT NULL
) STRICT;
