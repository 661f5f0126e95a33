-- Requests that were not answered within our own deadline are perhaps paid for: booked apart, and never sent for ever.

ALTER TABLE spending
    ADD COLUMN uncertain_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN uncertain_inputs integer NOT NULL DEFAULT 0,
    ADD COLUMN uncertain_cost   numeric(14, 8);

-- How often an input was sent in vain since `first_at`, and how many were in its last request: the next is smaller.
CREATE TABLE unanswered_inputs (
    space_id      integer NOT NULL REFERENCES embedding_spaces ON DELETE CASCADE,
    content_hash  bytea NOT NULL CHECK (octet_length(content_hash) = 32),
    tries         integer NOT NULL,
    together      integer NOT NULL,
    first_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space_id, content_hash)
);
