-- Provider keys -----------------------------------------------------------------------------------------------------

-- name: save_key
INSERT INTO provider_keys (provider, master, nonce, ciphertext)
VALUES (%(provider)s, %(master)s, %(nonce)s, %(ciphertext)s)
ON CONFLICT (provider) DO UPDATE
SET master = excluded.master, nonce = excluded.nonce, ciphertext = excluded.ciphertext, updated_at = now()

-- name: read_key
SELECT master, nonce, ciphertext FROM provider_keys WHERE provider = %(provider)s

-- name: list_keys
SELECT provider, master, updated_at FROM provider_keys ORDER BY provider

-- name: delete_key
DELETE FROM provider_keys WHERE provider = %(provider)s

-- name: keys_under_other_masters
SELECT provider, nonce, ciphertext FROM provider_keys WHERE master <> %(master)s ORDER BY provider FOR UPDATE

-- name: replace_key
UPDATE provider_keys
SET master = %(master)s, nonce = %(nonce)s, ciphertext = %(ciphertext)s, updated_at = now()
WHERE provider = %(provider)s


-- Jobs of the HTTP API ----------------------------------------------------------------------------------------------

-- name: save_result
INSERT INTO embedding_results (run_id, space_key, model, input_type, inputs, dimensions, total_tokens, embeddings)
VALUES (%(run_id)s, %(space_key)s, %(model)s, %(input_type)s, %(inputs)s, %(dimensions)s, %(total_tokens)s,
        %(embeddings)s)
ON CONFLICT (run_id) DO UPDATE
SET space_key = excluded.space_key, model = excluded.model, input_type = excluded.input_type, inputs = excluded.inputs,
    dimensions = excluded.dimensions, total_tokens = excluded.total_tokens, embeddings = excluded.embeddings,
    created_at = now()

-- name: result_summary
SELECT run_id, space_key, model, input_type, inputs, dimensions, total_tokens, created_at
FROM embedding_results WHERE run_id = %(run_id)s

-- name: result_embeddings
SELECT embeddings, dimensions FROM embedding_results WHERE run_id = %(run_id)s

-- name: delete_results
DELETE FROM embedding_results WHERE created_at < now() - make_interval(days => %(days)s)

-- name: save_job
INSERT INTO api_jobs (job_id, kind, novels, space_key, done_before, tokens_before, spending_before)
VALUES (%(job_id)s, %(kind)s, %(novels)s, %(space_key)s, %(done_before)s, %(tokens_before)s, %(spending_before)s)
ON CONFLICT DO NOTHING

-- name: find_job
SELECT job_id, kind, novels, space_key, done_before, tokens_before, spending_before, created_at
FROM api_jobs WHERE job_id = %(job_id)s


-- name: list_jobs
SELECT job_id, kind, novels, space_key, done_before, tokens_before, spending_before, created_at
FROM api_jobs
WHERE %(before)s::text IS NULL
   OR (created_at, job_id) < (SELECT created_at, job_id FROM api_jobs WHERE job_id = %(before)s)
ORDER BY created_at DESC, job_id DESC LIMIT %(limit)s


-- Spending ----------------------------------------------------------------------------------------------------------

-- name: record_spending
INSERT INTO spending (space_key, novel, tokens, inputs, requests, cost, run_id,
                      uncertain_tokens, uncertain_inputs, uncertain_cost)
VALUES (%(space_key)s, %(novel)s, %(tokens)s, %(inputs)s, %(requests)s, %(cost)s, %(run_id)s,
        %(uncertain_tokens)s, %(uncertain_inputs)s, %(uncertain_cost)s)

-- name: spending_totals
SELECT space_key, sum(tokens)::bigint AS tokens, sum(inputs)::bigint AS inputs, sum(requests)::bigint AS requests,
       sum(cost) AS cost, sum(uncertain_tokens)::bigint AS uncertain_tokens,
       sum(uncertain_inputs)::bigint AS uncertain_inputs, sum(uncertain_cost) AS uncertain_cost
FROM spending
WHERE (%(since)s::timestamptz IS NULL OR at >= %(since)s)
GROUP BY space_key ORDER BY 2 DESC, 1

-- name: uncertain_since
SELECT coalesce(sum(uncertain_tokens), 0)::bigint, coalesce(sum(uncertain_cost), 0) FROM spending WHERE at >= %(since)s

-- name: last_spending
SELECT coalesce(max(id), 0) FROM spending

-- name: spent_since
SELECT coalesce(sum(tokens), 0)::bigint AS tokens, coalesce(sum(requests), 0)::bigint AS requests,
       sum(cost)::float8 AS cost
FROM spending WHERE space_key = %(space_key)s AND novel = ANY(%(novels)s) AND id > %(after)s


-- Re-embeddings -----------------------------------------------------------------------------------------------------

-- name: record_launch
INSERT INTO reembeddings (space_key, reason, backfill_id, novels, inputs, tokens, cost, launched_at)
VALUES (%(space_key)s, %(reason)s, %(backfill_id)s, %(novels)s, %(inputs)s, %(tokens)s, %(cost)s, %(launched_at)s)

-- name: confirm_launch
UPDATE reembeddings SET backfill_id = %(backfill_id)s WHERE backfill_id = %(intention)s

-- name: withdraw_launch
DELETE FROM reembeddings WHERE backfill_id = %(intention)s

-- name: amend_launch
UPDATE reembeddings SET tokens = %(tokens)s, cost = %(cost)s WHERE backfill_id = %(name)s

-- name: launches_since
SELECT space_key, reason, backfill_id, novels, inputs, tokens, cost, launched_at FROM reembeddings
WHERE launched_at >= %(since)s ORDER BY launched_at DESC, id DESC


-- Rate limits -------------------------------------------------------------------------------------------------------

-- name: open_account
-- The clock is read outside: within, it would be older than the wait for the row's lock.
WITH account AS MATERIALIZED (
    SELECT recent, observed_requests, observed_tokens, observed_at, paused_until
    FROM rate_limits WHERE provider = %(provider)s FOR UPDATE
)
SELECT extract(epoch FROM clock_timestamp())::float8, recent, observed_requests, observed_tokens,
       extract(epoch FROM observed_at)::float8, extract(epoch FROM paused_until)::float8
FROM account

-- name: add_account
INSERT INTO rate_limits (provider) VALUES (%(provider)s) ON CONFLICT DO NOTHING

-- name: save_account
UPDATE rate_limits SET recent = %(recent)s::jsonb WHERE provider = %(provider)s

-- name: observe_limits
UPDATE rate_limits
SET observed_requests = coalesce(%(requests)s, observed_requests),
    observed_tokens = coalesce(%(tokens)s, observed_tokens), observed_at = clock_timestamp()
WHERE provider = %(provider)s

-- name: pause_account
UPDATE rate_limits
SET paused_until = greatest(
    CASE WHEN paused_until < clock_timestamp() + make_interval(secs => %(longest)s) THEN paused_until END,
    clock_timestamp() + make_interval(secs => %(seconds)s))
WHERE provider = %(provider)s

-- name: paused_seconds
SELECT extract(epoch FROM paused_until - clock_timestamp())::float8 FROM rate_limits WHERE provider = %(provider)s

-- name: found_limit
SELECT inputs FROM endpoint_limits
WHERE account = %(account)s AND model = %(model)s AND found_at > now() - make_interval(days => %(days)s)

-- name: note_limit
INSERT INTO endpoint_limits (account, model, inputs) VALUES (%(account)s, %(model)s, %(inputs)s)
ON CONFLICT (account, model) DO UPDATE SET inputs = excluded.inputs, found_at = now()


-- Keys of requests, and texts of jobs -------------------------------------------------------------------------------

-- name: forget_expired_requests
DELETE FROM request_keys WHERE expires_at < now()

-- name: begin_request
INSERT INTO request_keys (digest, body_digest, expires_at)
VALUES (%(digest)s, %(body_digest)s, now() + make_interval(hours => %(hours)s))
ON CONFLICT (digest) DO NOTHING

-- name: find_request
SELECT body_digest, job_id FROM request_keys WHERE digest = %(digest)s

-- name: take_over_request
UPDATE request_keys SET begun_at = now()
WHERE digest = %(digest)s AND job_id IS NULL AND begun_at < now() - make_interval(secs => %(seconds)s)

-- name: finish_request
UPDATE request_keys SET job_id = %(job_id)s WHERE digest = %(digest)s

-- name: abandon_request
UPDATE request_keys SET begun_at = '-infinity' WHERE digest = %(digest)s AND job_id IS NULL

-- name: withdraw_request
DELETE FROM request_keys WHERE digest = %(digest)s AND job_id IS NULL

-- name: forget_expired_inputs
DELETE FROM job_inputs WHERE expires_at < now()

-- name: keep_inputs
INSERT INTO job_inputs (reference, inputs, expires_at)
VALUES (%(reference)s, %(inputs)s, now() + make_interval(hours => %(hours)s))

-- name: read_inputs
SELECT inputs FROM job_inputs WHERE reference = %(reference)s AND expires_at >= now()

-- name: delete_inputs
DELETE FROM job_inputs WHERE reference = %(reference)s
