-- When the first of a journey's consents that are in force ends; NULL where there is none or its end is not known.
ALTER TABLE journeys ADD COLUMN expires_at INTEGER;
CREATE INDEX journeys_newest ON journeys (tenant, created_at, id);
