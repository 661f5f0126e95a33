-- How many inputs of one request an account's endpoint takes for a model, as its refusals showed.
CREATE TABLE endpoint_limits (
    account   text NOT NULL,
    model     text NOT NULL,
    inputs    integer NOT NULL CHECK (inputs > 0),
    found_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, model)
);
