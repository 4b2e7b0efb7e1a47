-- The audit log. Rows are in chains, one for each tenant and writer (a run of a process): `seq` counts from 1 without a gap, `previous` is the
-- hash of the row before, `hash` that of the row. Nothing in it is personal.
CREATE TABLE audit_rows (
    writer TEXT NOT NULL,
    tenant TEXT NOT NULL,
    seq INTEGER NOT NULL,
    -- Milliseconds since 1970; never before the row before it.
    at INTEGER NOT NULL,
    caller TEXT NOT NULL,
    act TEXT NOT NULL,
    result TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    consent_ids TEXT NOT NULL,
    fetch_ids TEXT NOT NULL,
    purposes TEXT NOT NULL,
    view TEXT NOT NULL,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    call_id TEXT NOT NULL,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (writer, tenant, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_rows_at ON audit_rows (at);

-- How far chains had come at a moment, and what was removed because of its age: one chain of all processes.
CREATE TABLE audit_checkpoints (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    -- One line of JSON, as it is exported.
    line TEXT NOT NULL
) STRICT;
CREATE INDEX audit_checkpoints_at ON audit_checkpoints (at);
