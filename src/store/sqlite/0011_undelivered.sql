-- Since when an operator has to see to a withdrawal or deletion that the provider has not confirmed; NULL where there is none.
ALTER TABLE journeys ADD COLUMN undelivered_at INTEGER;
CREATE INDEX journeys_undelivered ON journeys (tenant, undelivered_at) WHERE undelivered_at IS NOT NULL;
