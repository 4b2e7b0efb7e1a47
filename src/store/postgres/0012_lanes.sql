-- The provider and the credential that a journey is polled with: what is due is read lane by lane, so that very many due journeys of one
-- credential hide no other. An older release writes rows without it; they share a lane until their next write.
ALTER TABLE journeys ADD COLUMN lane TEXT NOT NULL DEFAULT '';
UPDATE journeys SET lane = provider WHERE due_at IS NOT NULL;
CREATE INDEX journeys_lane ON journeys (tenant, lane, due_at) WHERE due_at IS NOT NULL;
