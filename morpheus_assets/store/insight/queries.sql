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
SELECT content_hash, body FROM passages WHERE content_hash = ANY(%(hashes)s)
