-- What a provider called the latest data of a consent, by the request that asked for it. The provider has forgotten it since.
CREATE TABLE increments (
    -- Keyed hash of tenant and request id.
    hash BYTEA PRIMARY KEY,
    tenant TEXT NOT NULL,
    journey_id TEXT NOT NULL,
    consent_id TEXT NOT NULL,
    -- The provider call that brought it, and when it answered.
    endpoint TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    purge_at BIGINT NOT NULL,
    -- The answer as the provider sent it; sealed nothing, if there was nothing new. What stands beside it is authenticated with it.
    sealed BYTEA NOT NULL
);
CREATE INDEX increments_consent ON increments (tenant, consent_id);
CREATE INDEX increments_purge ON increments (purge_at);
