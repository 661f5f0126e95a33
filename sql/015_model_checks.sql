-- When a few stored inputs of a space were last embedded again before something was written to it, and how alike they
-- came out. A provider that changes its model under the same name must not mix into a space.

CREATE TABLE model_checks (
    space_id       integer PRIMARY KEY REFERENCES embedding_spaces ON DELETE CASCADE,
    checked_at     timestamptz NOT NULL DEFAULT now(),
    lowest_cosine  double precision NOT NULL
);
