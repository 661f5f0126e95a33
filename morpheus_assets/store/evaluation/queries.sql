-- Questions ---------------------------------------------------------------------------------------------------------

-- name: delete_questions
DELETE FROM questions

-- name: add_question
INSERT INTO questions (file, ordinal, question, novel, chapters, quotation, kind)
VALUES (%(file)s, %(ordinal)s, %(question)s, %(novel)s, %(chapters)s, %(quotation)s, %(kind)s)

-- name: list_questions
SELECT question, novel, chapters, quotation, kind FROM questions ORDER BY file, ordinal

-- name: questions_digest
SELECT md5(coalesce(string_agg(concat_ws(chr(9), question, novel, chapters::text, quotation, kind), chr(10)
                               ORDER BY file, ordinal), ''))
FROM questions

-- What questions are made of and looked for in ----------------------------------------------------------------------

-- name: novels_with_passages
SELECT novel FROM novels n WHERE EXISTS (SELECT FROM chunks c WHERE c.novel_id = n.id) ORDER BY novel

-- name: passages_of_novel
SELECT DISTINCT ON (c.content_hash) n.novel, c.content_hash, p.body
FROM chunks c JOIN passages p USING (content_hash) JOIN novels n ON n.id = c.novel_id
WHERE n.novel = %(novel)s ORDER BY c.content_hash

-- name: novel_body
SELECT body FROM novels WHERE novel = %(novel)s AND body IS NOT NULL

-- Outcomes ----------------------------------------------------------------------------------------------------------

-- name: add_measurement
INSERT INTO retrieval_quality (space_id, questions_digest, outcomes)
VALUES (%(space_id)s, %(digest)s, %(outcomes)s)

-- name: delete_old_measurements
DELETE FROM retrieval_quality q
WHERE q.space_id = %(space_id)s AND q.measured_at < (
    SELECT min(measured_at) FROM (SELECT measured_at FROM retrieval_quality
                                  WHERE space_id = %(space_id)s ORDER BY measured_at DESC LIMIT %(kept)s) latest)

-- Verdicts ----------------------------------------------------------------------------------------------------------

-- name: latest_measurement
SELECT measured_at, jsonb_array_length(outcomes) AS questions FROM retrieval_quality q JOIN embedding_spaces s
    ON s.id = q.space_id
WHERE s.key = %(key)s ORDER BY measured_at DESC LIMIT 1

-- name: note_verdict
INSERT INTO switch_verdicts (space_id, against_id, questions_digest, is_worse, reason)
VALUES (%(space_id)s, %(against_id)s, %(digest)s, %(is_worse)s, %(reason)s)
ON CONFLICT (space_id, against_id) DO UPDATE
SET questions_digest = excluded.questions_digest, is_worse = excluded.is_worse, reason = excluded.reason,
    decided_at = now()

-- name: verdict_on
SELECT v.is_worse, v.reason, v.questions_digest, v.decided_at
FROM switch_verdicts v WHERE v.space_id = %(space_id)s AND v.against_id = %(against_id)s

-- name: forget_verdicts
DELETE FROM switch_verdicts WHERE space_id = %(space_id)s
