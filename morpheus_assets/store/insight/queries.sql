-- name: characters
SELECT c.name, c.kind, c.gender, c.aliases, c.chapters, c.starts, c.ends, c.confirmed, c.panels
FROM characters c JOIN novels n ON n.id = c.novel_id
WHERE n.novel = %(novel)s
ORDER BY c.confirmed DESC, c.mentions DESC, c.name

-- name: delete_characters
DELETE FROM characters WHERE novel_id = %(number)s

-- name: add_character
INSERT INTO characters (novel_id, name, kind, gender, confirmed, mentions, aliases, chapters, panels, starts, ends)
VALUES (%(number)s, %(name)s, %(kind)s, %(gender)s, %(confirmed)s, %(mentions)s, %(aliases)s, %(chapters)s, %(panels)s,
        %(starts)s, %(ends)s)

-- name: looks
SELECT l.character, l.part, l.attribute, l.chapter, l.char_start, l.char_end, l.sentence, l.sure, l.contradicts
FROM character_looks l JOIN novels n ON n.id = l.novel_id
WHERE n.novel = %(novel)s
ORDER BY l.ordinal

-- name: delete_looks
DELETE FROM character_looks WHERE novel_id = %(number)s

-- name: add_look
INSERT INTO character_looks (novel_id, ordinal, character, part, attribute, chapter, char_start, char_end, sentence,
                             sure, contradicts)
VALUES (%(number)s, %(ordinal)s, %(character)s, %(part)s, %(attribute)s, %(chapter)s, %(char_start)s, %(char_end)s,
        %(sentence)s, %(sure)s, %(contradicts)s)

-- name: save_mean
INSERT INTO novel_means AS old (space_id, novel_id, passages, mean)
VALUES (%(space)s, %(number)s, %(passages)s, %(mean)s)
ON CONFLICT (space_id, novel_id) DO UPDATE SET passages = excluded.passages, mean = excluded.mean
WHERE (old.passages, old.mean) IS DISTINCT FROM (excluded.passages, excluded.mean)

-- name: delete_mean
DELETE FROM novel_means WHERE space_id = %(space)s AND novel_id = %(number)s

-- name: means
SELECT n.novel, n.language, n.title, n.author, m.mean
FROM novel_means m JOIN novels n ON n.id = m.novel_id
WHERE m.space_id = %(space)s

-- name: passages_of
SELECT DISTINCT ON (c.content_hash) c.content_hash, c.chapter, coalesce(h.char_start, 0) + c.char_start AS char_start,
       coalesce(h.char_start, 0) + c.char_end AS char_end
FROM chunks c JOIN novels n ON n.id = c.novel_id
LEFT JOIN chapters h ON h.novel_id = c.novel_id AND h.ordinal = c.chapter
WHERE n.novel = %(novel)s
ORDER BY c.content_hash, c.chapter, c.ordinal

-- name: training_pairs
SELECT p.question, p.kind, p.content_hash, p.chapter, p.negatives
FROM training_pairs p JOIN novels n ON n.id = p.novel_id
WHERE n.novel = %(novel)s
ORDER BY p.ordinal

-- name: delete_pairs
DELETE FROM training_pairs WHERE novel_id = %(number)s

-- name: add_pair
INSERT INTO training_pairs (novel_id, ordinal, question, kind, content_hash, chapter, negatives)
VALUES (%(number)s, %(ordinal)s, %(question)s, %(kind)s, %(content_hash)s, %(chapter)s, %(negatives)s)

-- name: bodies
SELECT content_hash, body FROM passages WHERE content_hash = ANY(%(hashes)b)

-- name: sentences
SELECT s.ordinal, s.chapter, s.char_start, s.char_end, s.content_hash, s.body
FROM scene_sentences s JOIN novels n ON n.id = s.novel_id
WHERE n.novel = %(novel)s
ORDER BY s.ordinal

-- name: delete_sentences
DELETE FROM scene_sentences WHERE novel_id = %(number)s

-- name: add_sentence
INSERT INTO scene_sentences (novel_id, ordinal, chapter, char_start, char_end, content_hash, body)
VALUES (%(number)s, %(ordinal)s, %(chapter)s, %(char_start)s, %(char_end)s, %(content_hash)s, %(body)s)

-- name: count_unused_sentences
SELECT count(*) FROM sentence_vectors v
WHERE NOT EXISTS (SELECT FROM scene_sentences s WHERE s.content_hash = v.content_hash)

-- name: delete_unused_sentences
DELETE FROM sentence_vectors v WHERE NOT EXISTS (SELECT FROM scene_sentences s WHERE s.content_hash = v.content_hash)

-- name: panels_to_match
SELECT c.page_id, c.region, c.content_hash, c.path, c.entry, c.page
FROM panels c JOIN novels n ON n.id = c.novel_id
WHERE n.novel = %(novel)s AND c.state = 'stored' AND c.shaping = %(shaping)s
  AND (c.kind IN ('panel', 'piece', 'given')
       OR c.kind = 'page' AND (c.shaping = 1 OR NOT EXISTS (
           SELECT FROM regions r WHERE r.page_id = c.page_id AND r.kind IN ('panel', 'piece', 'given'))))
ORDER BY c.page, c.path, c.entry, c.region

-- name: match
SELECT s.key, m.chapters, m.aligned
FROM scene_matches m JOIN novels n ON n.id = m.novel_id JOIN embedding_spaces s ON s.id = m.space_id
WHERE n.novel = %(novel)s

-- name: scenes
SELECT c.page_id, c.region, c.content_hash, p.path, p.entry, p.ordinal AS page, c.ordinal, c.chapter, c.char_start,
       c.char_end, c.sentence, c.similarity, c.confirmed, c.scores
FROM panel_scenes c JOIN novels n ON n.id = c.novel_id JOIN pages p ON p.id = c.page_id
WHERE n.novel = %(novel)s
ORDER BY c.ordinal

-- name: delete_match
DELETE FROM scene_matches WHERE novel_id = %(number)s

-- name: add_match
INSERT INTO scene_matches (novel_id, space_id, chapters, aligned)
VALUES (%(number)s, %(space)s, %(chapters)s, %(aligned)s)

-- name: add_scene
INSERT INTO panel_scenes (novel_id, ordinal, page_id, region, content_hash, chapter, char_start, char_end, sentence,
                          similarity, confirmed, scores)
VALUES (%(number)s, %(ordinal)s, %(page_id)s, %(region)s, %(content_hash)s, %(chapter)s, %(char_start)s, %(char_end)s,
        %(sentence)s, %(similarity)s, %(confirmed)s, %(scores)s)

-- name: character_panels
SELECT c.page_id, c.region, c.content_hash, p.path, p.entry, p.ordinal AS page, c.character, c.likeness, c.reference
FROM character_panels c JOIN novels n ON n.id = c.novel_id JOIN pages p ON p.id = c.page_id
WHERE n.novel = %(novel)s
ORDER BY c.ordinal

-- name: delete_character_panels
DELETE FROM character_panels WHERE novel_id = %(number)s

-- name: add_character_panel
INSERT INTO character_panels (novel_id, character, ordinal, page_id, region, content_hash, likeness, reference)
VALUES (%(number)s, %(character)s, %(ordinal)s, %(page_id)s, %(region)s, %(content_hash)s, %(likeness)s, %(reference)s)
