-- From which source file the chapters and chunks were made: a run that ended between two of its steps shows here.
ALTER TABLE novels ADD COLUMN chapters_of text, ADD COLUMN chunks_of text;
UPDATE novels SET chapters_of = source_digest, chunks_of = source_digest
WHERE EXISTS (SELECT FROM chunks c WHERE c.novel_id = novels.id);
