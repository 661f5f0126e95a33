-- {table} is the table of a space's vectors.

-- Spaces ------------------------------------------------------------------------------------------------------------

-- name: lock_spaces
SELECT pg_advisory_xact_lock(hashtext('morpheus spaces'))

-- name: find_space
SELECT id, key, purpose, provider, model, revision, dimensions, preparation, max_input_tokens, state,
       index_kind, index_rows, index_recall, index_built_at, created_at, ready_at, activated_at, retired_at
FROM embedding_spaces WHERE key = %(key)s

-- name: list_spaces
SELECT id, key, purpose, provider, model, revision, dimensions, preparation, max_input_tokens, state,
       index_kind, index_rows, index_recall, index_built_at, created_at, ready_at, activated_at, retired_at
FROM embedding_spaces WHERE %(purpose)s::text IS NULL OR purpose = %(purpose)s ORDER BY id

-- name: active_space
SELECT id, key, purpose, provider, model, revision, dimensions, preparation, max_input_tokens, state,
       index_kind, index_rows, index_recall, index_built_at, created_at, ready_at, activated_at, retired_at
FROM embedding_spaces WHERE id = (SELECT space_id FROM active_spaces WHERE purpose = %(purpose)s)

-- name: space_and_rows
-- About how many rows: as the planner takes it, or as many as its pages can hold where it never looked.
SELECT s.id, s.key, s.purpose, s.provider, s.model, s.revision, s.dimensions, s.preparation, s.max_input_tokens, s.state,
       s.index_kind, s.index_rows, s.index_recall, s.index_built_at, s.created_at, s.ready_at, s.activated_at,
       s.retired_at,
       coalesce(CASE WHEN c.reltuples >= 0 AND c.relpages > 0 THEN c.reltuples / c.relpages * p.pages
                     ELSE p.pages * ceil(8192.0 / (2 * s.dimensions + 80)) END, 0)::bigint AS rows
FROM embedding_spaces s
LEFT JOIN pg_class c ON c.oid = to_regclass('embeddings_' || s.id)
LEFT JOIN LATERAL (
    SELECT pg_relation_size(c.oid) / current_setting('block_size')::integer AS pages WHERE c.oid IS NOT NULL) p ON true
WHERE s.key = %(key)s

-- name: active_spaces
SELECT id, key, purpose, provider, model, revision, dimensions, preparation, max_input_tokens, state,
       index_kind, index_rows, index_recall, index_built_at, created_at, ready_at, activated_at, retired_at
FROM embedding_spaces WHERE id IN (SELECT space_id FROM active_spaces)

-- name: keys_of_spaces
SELECT key FROM embedding_spaces ORDER BY key

-- name: add_space
INSERT INTO embedding_spaces
       (key, fingerprint, purpose, provider, model, revision, dimensions, preparation, max_input_tokens, context)
VALUES (%(key)s, %(fingerprint)s, %(purpose)s, %(provider)s, %(model)s, %(revision)s, %(dimensions)s, %(preparation)s,
        %(max_input_tokens)s, %(context)s)

-- name: create_vectors
CREATE TABLE {table} (content_hash bytea PRIMARY KEY, embedding halfvec({dimensions}) NOT NULL)

-- name: store_vectors_plain
-- Out of line, every distance costs a second read: 4 times the time of an exact scan at 1024 dimensions.
ALTER TABLE {table} ALTER COLUMN embedding SET STORAGE PLAIN

-- name: any_active
SELECT FROM active_spaces WHERE purpose = %(purpose)s

-- name: any_active_beside
SELECT FROM active_spaces WHERE purpose = (SELECT purpose FROM embedding_spaces WHERE key = %(key)s)

-- name: set_ready
UPDATE embedding_spaces SET state = 'ready', ready_at = now() WHERE id = %(space)s AND state = 'building'

-- name: replace_active
UPDATE embedding_spaces
SET state = %(state)s, retired_at = CASE WHEN %(state)s = 'retired' THEN now() END
WHERE purpose = %(purpose)s AND state = 'active'

-- name: set_active
UPDATE embedding_spaces SET state = 'active', activated_at = now(), retired_at = NULL WHERE id = %(space)s

-- name: move_pointer
INSERT INTO active_spaces (purpose, space_id) VALUES (%(purpose)s, %(space)s)
ON CONFLICT (purpose) DO UPDATE SET space_id = excluded.space_id, activated_at = now()

-- name: set_retired
UPDATE embedding_spaces SET state = 'retired', retired_at = now() WHERE id = %(space)s AND state <> 'retired'

-- name: set_building
UPDATE embedding_spaces SET state = 'building', ready_at = NULL, retired_at = NULL
WHERE key = %(key)s AND state = 'retired'

-- name: wait_briefly_for_locks
SET LOCAL lock_timeout = '500ms'

-- name: drop_vectors
DROP TABLE {table}

-- name: delete_space
DELETE FROM embedding_spaces WHERE id = %(space)s

-- name: forget_contexts
DELETE FROM chunks_in_context WHERE context NOT IN (SELECT context FROM embedding_spaces)

-- name: space_size
SELECT (SELECT count(*) FROM {table}), pg_table_size(%(table)s), pg_indexes_size(%(table)s)


-- Vectors -----------------------------------------------------------------------------------------------------------

-- name: copy_vectors
COPY {table} (content_hash, embedding) FROM STDIN WITH (FORMAT binary)

-- name: stage_vectors
CREATE TEMP TABLE staged_vectors (LIKE {table} INCLUDING STORAGE) ON COMMIT DROP

-- name: add_staged_vectors
INSERT INTO {table} (content_hash, embedding)
SELECT content_hash, embedding FROM staged_vectors ORDER BY content_hash
ON CONFLICT DO NOTHING

-- name: unstage_vectors
DROP TABLE staged_vectors

-- name: read_vectors
SELECT content_hash, halfvec_send(embedding) FROM {table} v WHERE content_hash = ANY(%(hashes)b)

-- name: vectors_of_sentences
(SELECT content_hash, embedding FROM sentence_vectors WHERE space_id = {space})

-- name: stage_sentences
CREATE TEMP TABLE staged_vectors (content_hash bytea, embedding halfvec) ON COMMIT DROP

-- name: add_staged_sentences
INSERT INTO sentence_vectors (space_id, content_hash, embedding)
SELECT %(space)s, content_hash, embedding FROM staged_vectors ORDER BY content_hash
ON CONFLICT DO NOTHING

-- name: read_vectors_of_passages
-- Of a passage that stands in several contexts the first.
SELECT DISTINCT ON (c.passage_hash) c.passage_hash, halfvec_send(v.embedding)
FROM chunks_in_context c JOIN {table} v USING (content_hash)
WHERE c.context = %(context)s AND c.passage_hash = ANY(%(hashes)b)
ORDER BY c.passage_hash, c.novel_id, c.chapter, c.ordinal

-- name: page_of_vectors
SELECT content_hash, halfvec_send(embedding) FROM {table} WHERE content_hash > %(after)s ORDER BY 1 LIMIT %(limit)s

-- name: any_vector
SELECT EXISTS (SELECT FROM {table})

-- name: vector_summary
-- OFFSET 0: each length is measured once.
SELECT count(*), min(length), max(length) FROM (SELECT l2_norm(embedding) AS length FROM {table} OFFSET 0) AS e

-- name: count_orphans
SELECT count(*) FROM {table} e WHERE {orphaned}

-- name: delete_orphans
DELETE FROM {table} e WHERE {orphaned}

-- name: orphaned_text
NOT EXISTS (SELECT FROM chunks c WHERE c.content_hash = e.content_hash)
AND NOT EXISTS (SELECT FROM kept_texts k WHERE k.content_hash = e.content_hash)

-- name: orphaned_in_context
NOT EXISTS (SELECT FROM chunks_in_context c WHERE c.content_hash = e.content_hash)
AND NOT EXISTS (SELECT FROM kept_texts k WHERE k.content_hash = e.content_hash)

-- name: orphaned_image
NOT EXISTS (SELECT FROM panels c WHERE c.content_hash = e.content_hash AND c.state = 'stored')
AND NOT EXISTS (SELECT FROM kept_pictures k WHERE k.content_hash = e.content_hash)

-- name: delete_orphan
DELETE FROM {table} e WHERE e.content_hash = %(content_hash)s AND {orphaned}

-- name: keep_texts
INSERT INTO kept_texts (content_hash) SELECT unnest(%(hashes)b::bytea[]) ON CONFLICT DO NOTHING

-- name: let_go_text
DELETE FROM kept_texts WHERE content_hash = %(content_hash)s

-- name: let_go_picture
DELETE FROM kept_pictures WHERE content_hash = %(content_hash)s

-- name: keep_picture
INSERT INTO kept_pictures (content_hash, file_name) VALUES (%(content_hash)s, %(file_name)s) ON CONFLICT DO NOTHING


-- Coverage ----------------------------------------------------------------------------------------------------------

-- name: needed_texts
SELECT novel_id, content_hash FROM chunks

-- name: needed_in_context
-- What is not placed in the context yet lacks a vector: its passage stands for the input that it will be.
SELECT c.novel_id, coalesce(k.content_hash, c.content_hash) AS content_hash
FROM chunks c
LEFT JOIN chunks_in_context k ON k.context = %(context)s AND k.novel_id = c.novel_id AND k.chapter = c.chapter
                                 AND k.ordinal = c.ordinal

-- name: needed_images
SELECT novel_id, content_hash FROM panels WHERE state = 'stored' AND shaping = %(shaping)s

-- name: needed_sentences
SELECT novel_id, content_hash FROM scene_sentences

-- name: tokens_of_text
(SELECT p.token_count FROM passages p WHERE p.content_hash = needed.content_hash)

-- name: tokens_in_context
(SELECT p.token_count FROM passages p WHERE p.content_hash = coalesce(
    (SELECT k.passage_hash FROM chunks_in_context k WHERE k.content_hash = needed.content_hash LIMIT 1),
    needed.content_hash))

-- name: tokens_of_image
0

-- name: coverage_counts
-- Of the distinct hashes that the query `needed` before it gives.
count(*) AS needed, count(e.content_hash) AS present,
       count(r.content_hash) FILTER (WHERE e.content_hash IS NULL) AS refused,
       count(*) FILTER (WHERE e.content_hash IS NULL AND r.content_hash IS NULL) AS missing,
       coalesce(sum({tokens}) FILTER (WHERE e.content_hash IS NULL AND r.content_hash IS NULL), 0)::bigint
           AS missing_tokens,
       count(b.content_hash) FILTER (WHERE e.content_hash IS NULL AND r.content_hash IS NULL) AS batched
FROM needed
LEFT JOIN {table} e ON e.content_hash = needed.content_hash
LEFT JOIN refused_inputs r ON r.space_id = %(space)s AND r.content_hash = needed.content_hash
LEFT JOIN batched_inputs b ON b.space_id = %(space)s AND b.content_hash = needed.content_hash

-- name: coverage_of_novels
WITH needed AS (
    SELECT DISTINCT n.novel, s.content_hash
    FROM ({needed}) s JOIN novels n ON n.id = s.novel_id
    WHERE %(novels)s::text[] IS NULL OR n.novel = ANY(%(novels)s))
SELECT needed.novel, {counts}
GROUP BY needed.novel ORDER BY needed.novel

-- name: coverage_in_all
WITH needed AS (
    SELECT DISTINCT s.content_hash
    FROM ({needed}) s JOIN novels n ON n.id = s.novel_id
    WHERE %(novels)s::text[] IS NULL OR n.novel = ANY(%(novels)s))
SELECT {counts}

-- name: novels_with_chunks
SELECT n.novel, EXISTS (SELECT FROM chunks c WHERE c.novel_id = n.id) AS has_content, n.refused_reason
FROM novels n WHERE n.novel = ANY(%(novels)s)

-- name: novels_with_panels
SELECT n.novel, EXISTS (SELECT FROM panels c WHERE c.novel_id = n.id) AS has_content, NULL AS refused_reason
FROM novels n WHERE n.novel = ANY(%(novels)s)

-- name: lacking
NOT EXISTS (SELECT FROM {table} e WHERE e.content_hash = c.content_hash)
AND NOT EXISTS (SELECT FROM refused_inputs r WHERE r.space_id = %(space)s AND r.content_hash = c.content_hash)
AND NOT EXISTS (SELECT FROM batched_inputs b WHERE b.space_id = %(space)s AND b.content_hash = c.content_hash)

-- name: missing_texts
SELECT c.content_hash, %(novel)s::text AS novel, p.body AS content, p.token_count, coalesce(u.tries, 0) AS tries,
       coalesce(u.together, 0) AS together
FROM (SELECT DISTINCT content_hash FROM chunks c
      WHERE novel_id = (SELECT id FROM novels WHERE novel = %(novel)s) AND content_hash > %(after)s AND {lacking}
      ORDER BY content_hash LIMIT %(limit)s) c
JOIN passages p USING (content_hash)
LEFT JOIN {in_vain} USING (content_hash)
ORDER BY c.content_hash

-- name: missing_titled
SELECT c.content_hash, n.novel, {titles} || p.body AS content, p.token_count, coalesce(u.tries, 0) AS tries,
       coalesce(u.together, 0) AS together
FROM (SELECT DISTINCT ON (c.content_hash) c.* FROM chunks_in_context c
      WHERE c.context = %(context)s AND c.novel_id = (SELECT id FROM novels WHERE novel = %(novel)s)
        AND c.content_hash > %(after)s AND {lacking}
      ORDER BY c.content_hash LIMIT %(limit)s) c
JOIN passages p ON p.content_hash = c.passage_hash
JOIN novels n ON n.id = c.novel_id
LEFT JOIN chapters h ON h.novel_id = c.novel_id AND h.ordinal = c.chapter
LEFT JOIN {in_vain} ON u.content_hash = c.content_hash
ORDER BY c.content_hash

-- name: missing_windows
-- All that is embedded together where any of it lacks a vector, but for what is refused.
SELECT c.content_hash, %(novel)s::text AS novel, p.body AS content, p.token_count, coalesce(u.tries, 0) AS tries,
       coalesce(u.together, 0) AS together, c.window_hash AS window
FROM (SELECT DISTINCT ON (k.content_hash) k.* FROM chunks_in_context k
      WHERE k.context = %(context)s AND k.novel_id = (SELECT id FROM novels WHERE novel = %(novel)s)
        AND k.window_hash = ANY(ARRAY(
            SELECT DISTINCT c.window_hash FROM chunks_in_context c
            WHERE c.context = %(context)s AND c.novel_id = (SELECT id FROM novels WHERE novel = %(novel)s)
              AND c.window_hash > %(after)s AND {lacking}
            ORDER BY c.window_hash LIMIT %(limit)s))
        AND NOT EXISTS (SELECT FROM refused_inputs r
                        WHERE r.space_id = %(space)s AND r.content_hash = k.content_hash)
      ORDER BY k.content_hash, k.chapter) c
JOIN passages p ON p.content_hash = c.passage_hash
LEFT JOIN {in_vain} ON u.content_hash = c.content_hash
ORDER BY c.window_hash, c.ordinal

-- name: missing_images
SELECT DISTINCT ON (c.content_hash) c.content_hash, n.novel, c.path AS content, 0 AS token_count,
       coalesce(u.tries, 0) AS tries, coalesce(u.together, 0) AS together, c.entry, c.page_hash,
       ARRAY[c.x0, c.y0, c.x1, c.y1] AS box, c.page, c.following
FROM panels c JOIN novels n ON n.id = c.novel_id LEFT JOIN {in_vain} USING (content_hash)
WHERE n.novel = %(novel)s AND c.state = 'stored' AND c.shaping = %(shaping)s AND c.kind <> 'uncut'
  AND c.content_hash > %(after)s AND {lacking}
ORDER BY c.content_hash, c.page, c.region LIMIT %(limit)s

-- name: missing_sentences
-- Of a sentence that occurs several times the first; about four letters are a token.
SELECT DISTINCT ON (c.content_hash) c.content_hash, n.novel, c.body AS content, length(c.body) / 4 + 2 AS token_count,
       coalesce(u.tries, 0) AS tries, coalesce(u.together, 0) AS together
FROM scene_sentences c JOIN novels n ON n.id = c.novel_id LEFT JOIN {in_vain} USING (content_hash)
WHERE n.novel = %(novel)s AND c.content_hash > %(after)s AND {lacking}
ORDER BY c.content_hash, c.ordinal LIMIT %(limit)s

-- name: everything
true

-- name: size_of_text
SELECT p.token_count, length(p.body) AS characters, octet_length(p.body) AS octets
FROM passages p WHERE p.content_hash = f.content_hash

-- name: size_in_context
SELECT p.token_count, length({titles} || p.body) AS characters, octet_length({titles} || p.body) AS octets
FROM (SELECT k.novel_id, k.chapter, k.passage_hash FROM chunks_in_context k
      WHERE k.context = %(context)s AND k.content_hash = f.content_hash
      UNION ALL
      SELECT k.novel_id, k.chapter, k.content_hash FROM chunks k
      WHERE k.content_hash = f.content_hash AND k.novel_id = f.novel_id LIMIT 1) k
JOIN passages p ON p.content_hash = k.passage_hash
JOIN novels n ON n.id = k.novel_id
LEFT JOIN chapters h ON h.novel_id = k.novel_id AND h.ordinal = k.chapter

-- name: no_titles
''

-- name: size_of_image
SELECT 0 AS token_count, 0 AS characters, 0 AS octets

-- name: gaps
WITH lacking AS (
    SELECT DISTINCT novel_id, content_hash FROM ({needed}) c WHERE {lacking}
), first AS (
    SELECT DISTINCT ON (content_hash) * FROM lacking ORDER BY content_hash, novel_id
)
SELECT n.novel, count(f.content_hash) AS inputs, coalesce(sum(s.token_count), 0)::bigint AS word_pieces,
       coalesce(sum(s.characters), 0)::bigint AS characters, coalesce(sum(s.octets), 0)::bigint AS octets
FROM (SELECT DISTINCT novel_id FROM lacking) l
JOIN novels n ON n.id = l.novel_id
LEFT JOIN first f ON f.novel_id = n.id
LEFT JOIN LATERAL ({size}) s ON f.content_hash IS NOT NULL
GROUP BY n.id, n.novel ORDER BY n.id


-- Claims ------------------------------------------------------------------------------------------------------------

-- name: delete_claims
DELETE FROM embedding_claims WHERE session_id = %(session)s

-- name: claim
-- In the order of the hashes, else two sessions that claim overlapping pages lock each other out.
INSERT INTO embedding_claims (space_id, content_hash, session_id)
SELECT %(space)s, h, %(session)s FROM unnest(%(hashes)b::bytea[]) h ORDER BY h
ON CONFLICT DO NOTHING
RETURNING content_hash

-- name: own_claims
SELECT content_hash FROM embedding_claims
WHERE space_id = %(space)s AND session_id = %(session)s AND content_hash = ANY(%(hashes)b)

-- name: claimed
SELECT content_hash FROM embedding_claims WHERE space_id = %(space)s AND content_hash = ANY(%(hashes)b)

-- name: still_missing
SELECT h FROM unnest(%(hashes)b::bytea[]) h
WHERE NOT EXISTS (SELECT FROM {table} e WHERE e.content_hash = h)
  AND NOT EXISTS (SELECT FROM refused_inputs r WHERE r.space_id = %(space)s AND r.content_hash = h)
  AND NOT EXISTS (SELECT FROM batched_inputs b WHERE b.space_id = %(space)s AND b.content_hash = h)
  AND EXISTS (SELECT FROM {content} c WHERE c.content_hash = h)


-- Batch jobs --------------------------------------------------------------------------------------------------------

-- name: add_batch_job
INSERT INTO batch_jobs (space_id, token, reason) VALUES (%(space)s, %(token)s, %(reason)s) RETURNING id

-- name: batch_jobs
SELECT b.id, s.key AS space_key, b.token, b.state, b.reason, b.novels, b.inputs, b.tokens, b.cost, b.input_file, b.job,
       b.created_at, b.submitted_at, b.deadline, b.cancelled_at, b.stored, b.outcome, b.ended_at
FROM batch_jobs b JOIN embedding_spaces s ON s.id = b.space_id
WHERE (%(ended)s OR b.state <> 'ended') AND (%(job)s::bigint IS NULL OR b.id = %(job)s)
ORDER BY b.id DESC LIMIT %(limit)s

-- name: open_job_of_space
SELECT coalesce(job, token) FROM batch_jobs WHERE space_id = %(space)s AND state <> 'ended' LIMIT 1

-- name: add_batched_inputs
INSERT INTO batched_inputs (space_id, content_hash, batch_id)
SELECT %(space)s, h, %(job)s FROM unnest(%(hashes)b::bytea[]) h ORDER BY h

-- name: begin_submitting
UPDATE batch_jobs
SET state = 'submitting', submitted_at = now(), input_file = %(input_file)s, novels = %(novels)s, inputs = %(inputs)s,
    tokens = %(tokens)s, cost = %(cost)s, deadline = now() + make_interval(hours => %(hours)s)
WHERE id = %(job)s AND state = 'preparing'

-- name: record_submitted
UPDATE batch_jobs SET state = 'submitted', job = %(accepted)s WHERE id = %(job)s AND state = 'submitting'

-- name: record_cancelled
UPDATE batch_jobs SET cancelled_at = coalesce(cancelled_at, now()) WHERE id = %(job)s

-- name: batched_hashes
SELECT content_hash FROM batched_inputs WHERE batch_id = %(job)s

-- name: take_batched
DELETE FROM batched_inputs WHERE batch_id = %(job)s AND content_hash = ANY(%(hashes)b) RETURNING content_hash

-- name: count_stored
UPDATE batch_jobs SET stored = stored + %(stored)s WHERE id = %(job)s

-- name: release_batched
DELETE FROM batched_inputs WHERE batch_id = %(job)s

-- name: end_collecting
UPDATE batch_jobs SET state = 'collected', outcome = %(outcome)s WHERE id = %(job)s AND state = 'submitted'

-- name: end_batch_job
UPDATE batch_jobs
SET state = 'ended', ended_at = now(), outcome = CASE WHEN %(outcome)s = '' THEN outcome ELSE %(outcome)s END
WHERE id = %(job)s AND state <> 'ended'

-- name: owners_in_context
SELECT DISTINCT ON (c.content_hash) c.content_hash, n.novel, p.token_count
FROM chunks_in_context c JOIN passages p ON p.content_hash = c.passage_hash JOIN novels n ON n.id = c.novel_id
WHERE c.content_hash = ANY(%(hashes)b)
ORDER BY c.content_hash, n.id

-- name: owners_of_texts
-- One novel for each text, the oldest that has it; none for what no novel has any more.
SELECT DISTINCT ON (p.content_hash) p.content_hash, n.novel, p.token_count
FROM passages p JOIN chunks c USING (content_hash) JOIN novels n ON n.id = c.novel_id
WHERE p.content_hash = ANY(%(hashes)b)
ORDER BY p.content_hash, n.id


-- Refusals ----------------------------------------------------------------------------------------------------------

-- name: record_refusals
INSERT INTO refused_inputs (space_id, content_hash, reason)
SELECT %(space)s, h, reason FROM unnest(%(hashes)b::bytea[], %(reasons)s::text[]) AS refused (h, reason) ORDER BY h
ON CONFLICT (space_id, content_hash) DO UPDATE SET reason = excluded.reason, last_seen = now()

-- name: list_refusals
SELECT s.key AS space_key, r.content_hash, r.reason, r.ignored, r.first_seen, r.last_seen,
       coalesce(array_agg(DISTINCT p.place ORDER BY p.place) FILTER (WHERE p.place IS NOT NULL), '{}') AS places
FROM refused_inputs r
JOIN embedding_spaces s ON s.id = r.space_id
LEFT JOIN LATERAL (
    SELECT n.novel, format('%%s, chapter %%s, passage %%s', n.novel, c.chapter,
                           (SELECT count(*) FROM chunks b
                            WHERE b.novel_id = c.novel_id AND (b.chapter, b.ordinal) <= (c.chapter, c.ordinal))) AS place
    FROM chunks c JOIN novels n ON n.id = c.novel_id
    WHERE s.purpose = 'text' AND c.content_hash = r.content_hash
    UNION ALL
    SELECT n.novel, format('%%s, chapter %%s, passage %%s', n.novel, c.chapter,
                           (SELECT count(*) FROM chunks b
                            WHERE b.novel_id = c.novel_id AND (b.chapter, b.ordinal) <= (c.chapter, c.ordinal)))
    FROM chunks_in_context c JOIN novels n ON n.id = c.novel_id
    WHERE s.context <> '' AND c.content_hash = r.content_hash
    UNION ALL
    SELECT n.novel, concat_ws(', ', n.novel, c.path, nullif(c.entry, ''), 'region ' || nullif(c.region, 0))
    FROM panels c JOIN novels n ON n.id = c.novel_id
    WHERE s.purpose = 'image' AND c.content_hash = r.content_hash
    UNION ALL
    SELECT n.novel, format('%%s, chapter %%s, sentence %%s', n.novel, c.chapter, c.ordinal)
    FROM scene_sentences c JOIN novels n ON n.id = c.novel_id
    WHERE s.purpose = 'image' AND c.content_hash = r.content_hash) p ON true
WHERE (%(space)s::integer IS NULL OR r.space_id = %(space)s) AND (%(ignored)s OR NOT r.ignored)
  AND (%(novel)s::text IS NULL OR p.novel = %(novel)s)
GROUP BY s.key, r.space_id, r.content_hash
ORDER BY r.last_seen DESC, s.key, r.content_hash

-- name: ignore_refusals
UPDATE refused_inputs SET ignored = true
WHERE space_id = %(space)s AND NOT ignored AND (%(hashes)b::bytea[] IS NULL OR content_hash = ANY(%(hashes)b))

-- name: delete_refusals
-- Whoever asks for an input again also allows that it is paid for again.
WITH again AS (
    DELETE FROM unanswered_inputs
    WHERE space_id = %(space)s AND (%(hashes)b::bytea[] IS NULL OR content_hash = ANY(%(hashes)b))
)
DELETE FROM refused_inputs
WHERE space_id = %(space)s AND (%(hashes)b::bytea[] IS NULL OR content_hash = ANY(%(hashes)b))


-- Unanswered inputs -------------------------------------------------------------------------------------------------

-- name: forget_unanswered
DELETE FROM unanswered_inputs WHERE space_id = %(space)s AND first_at < now() - interval '1 day'

-- name: record_unanswered
INSERT INTO unanswered_inputs (space_id, content_hash, tries, together)
SELECT %(space)s, hash, 1, %(together)s FROM unnest(%(hashes)b::bytea[]) AS hash
ON CONFLICT (space_id, content_hash) DO UPDATE
SET tries = unanswered_inputs.tries + 1, together = excluded.together

-- name: unanswered_today
(SELECT content_hash, tries, together FROM unanswered_inputs
 WHERE space_id = %(space)s AND first_at >= now() - interval '1 day') u


-- Indexes -----------------------------------------------------------------------------------------------------------

-- name: by_distance
embedding <=> %(vector)s::halfvec

-- name: by_signs
binary_quantize(embedding)::bit({dimensions}) <~> binary_quantize(%(vector)s::halfvec)::bit({dimensions})

-- name: graph_of_vectors
hnsw (embedding halfvec_cosine_ops) WITH (m = {connections})

-- name: graph_of_signs
hnsw ((binary_quantize(embedding)::bit({dimensions})) bit_hamming_ops) WITH (m = {connections})

-- name: lists_of_signs
ivfflat ((binary_quantize(embedding)::bit({dimensions})) bit_hamming_ops) WITH (lists = {lists})

-- name: no_time_limit
SELECT set_config('statement_timeout', '0', %(local)s)

-- name: raise_build_memory
SELECT set_config('maintenance_work_mem', %(least)s, %(local)s)
WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes(%(least)s)

-- name: build_alone_before_0_8_2
-- Builds of a graph by several processes could write beyond their memory.
SELECT set_config('max_parallel_maintenance_workers', '0', %(local)s) FROM pg_extension
WHERE extname = 'vector' AND string_to_array(regexp_replace(extversion, '[^0-9.].*', ''), '.')::integer[] < '{0,8,2}'

-- name: reset_build_settings
RESET maintenance_work_mem; RESET max_parallel_maintenance_workers; RESET statement_timeout

-- name: build_index
CREATE INDEX {index} ON {table} USING {method}

-- name: build_index_beside_writers
CREATE INDEX CONCURRENTLY {index} ON {table} USING {method}

-- name: drop_index
DROP INDEX IF EXISTS {index}

-- name: rename_index
ALTER INDEX {index} RENAME TO {name}

-- name: analyze_vectors
ANALYZE {table}

-- name: count_vectors
SELECT count(*) FROM {table}

-- name: record_index
UPDATE embedding_spaces
SET index_kind = %(kind)s, index_rows = %(rows)s, index_recall = NULL, index_built_at = now()
WHERE id = %(space)s

-- name: valid_index
SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%(index)s) AND indisvalid)

-- name: state_of_space
SELECT state = 'building' FROM embedding_spaces WHERE id = %(space)s

-- name: state_of_index
SELECT index_kind, index_rows, EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%(index)s) AND indisvalid)
FROM embedding_spaces WHERE id = %(space)s

-- name: sample_vectors
SELECT embedding::text FROM {table} ORDER BY md5(content_hash::text) LIMIT %(sample)s

-- name: record_recall
UPDATE embedding_spaces SET index_recall = %(recall)s WHERE id = %(space)s


-- Announcements and drift -------------------------------------------------------------------------------------------

-- name: announced_at
SELECT announced_at FROM announcements WHERE action = %(action)s AND space_key = %(space_key)s

-- name: announce
INSERT INTO announcements (action, space_key) VALUES (%(action)s, %(space_key)s) ON CONFLICT DO NOTHING

-- name: withdraw
DELETE FROM announcements WHERE action = %(action)s AND space_key = %(space_key)s

-- name: record_drift
INSERT INTO drift_measurements (space_id, inputs, lowest_cosine) VALUES (%(space)s, %(inputs)s, %(lowest_cosine)s)

-- name: latest_drift
SELECT inputs, lowest_cosine, measured_at FROM drift_measurements
WHERE space_id = %(space)s ORDER BY measured_at DESC, id DESC LIMIT 1

-- name: fixed_sample
-- By the hash's hash: the content hash itself decides the order on disk, and a model may err there first.
SELECT s.content_hash, p.*
FROM (SELECT content_hash FROM {table} ORDER BY md5(content_hash::text) LIMIT {more}) s
CROSS JOIN LATERAL ({occurrences} JOIN novels n ON n.id = c.novel_id
                    WHERE c.content_hash = s.content_hash ORDER BY n.id LIMIT 1) p
LIMIT {size}

-- name: occurrences_of_text
SELECT n.novel, b.body AS content, b.token_count FROM chunks c JOIN passages b USING (content_hash)

-- name: occurrences_of_titled
SELECT n.novel, {titles} || b.body AS content, b.token_count
FROM chunks_in_context c JOIN passages b ON b.content_hash = c.passage_hash
LEFT JOIN chapters h ON h.novel_id = c.novel_id AND h.ordinal = c.chapter

-- name: window_sample
-- The passages of the smallest of some windows that are embedded whole.
SELECT c.content_hash, n.novel, p.body AS content, p.token_count, c.window_hash AS window
FROM (SELECT k.novel_id, k.chapter, k.window_hash
      FROM chunks_in_context k LEFT JOIN {table} e ON e.content_hash = k.content_hash
      WHERE k.context = %(context)s AND k.window_hash IN (
          SELECT i.window_hash FROM (SELECT content_hash FROM {table} ORDER BY md5(content_hash::text) LIMIT {more}) s
          JOIN chunks_in_context i USING (content_hash))
      GROUP BY k.novel_id, k.chapter, k.window_hash
      HAVING bool_and(e.content_hash IS NOT NULL)
      ORDER BY count(*), k.window_hash, k.novel_id, k.chapter LIMIT 1) w
JOIN chunks_in_context c ON c.context = %(context)s AND c.novel_id = w.novel_id AND c.chapter = w.chapter
     AND c.window_hash = w.window_hash
JOIN passages p ON p.content_hash = c.passage_hash
JOIN novels n ON n.id = c.novel_id
ORDER BY c.ordinal

-- name: occurrences_of_image
SELECT n.novel, c.path AS content, 0 AS token_count, c.entry, c.page_hash, ARRAY[c.x0, c.y0, c.x1, c.y1] AS box, c.page,
       c.following
FROM panels c


-- Checks of a model before the first write --------------------------------------------------------------------------

-- name: model_check_due
SELECT now() - coalesce((SELECT checked_at FROM model_checks WHERE space_id = s.id), s.created_at) > %(every)s
FROM embedding_spaces s WHERE s.id = %(space)s

-- name: record_model_check
INSERT INTO model_checks (space_id, lowest_cosine) VALUES (%(space)s, %(lowest_cosine)s)
ON CONFLICT (space_id) DO UPDATE SET checked_at = now(), lowest_cosine = excluded.lowest_cosine
