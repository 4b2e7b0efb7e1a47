-- What is written only to see whether a write can be committed: health is proven by a write where no other one came lately.
CREATE TABLE write_proof (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- Random text, as large as the usual write.
    filler TEXT NOT NULL
) STRICT;
