-- Whether a request id was freed: nothing happened under it, and the same request may be tried again. It keeps its journey, so that the
-- repeats of one request leave one journey. Cleared when an intent is written for it.
ALTER TABLE requests ADD COLUMN freed INTEGER NOT NULL DEFAULT 0;
