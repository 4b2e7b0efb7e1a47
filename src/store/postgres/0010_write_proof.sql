-- What is written only to see whether a write can be committed: health is proven by a write where no other one came lately.
CREATE TABLE write_proof (
    id SMALLINT PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL
);
