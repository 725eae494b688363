-- Tasks belong to principals, and answers can need review.

-- No edition made such rows; one that somebody else made is given what an answer must have.
UPDATE tasks SET text = coalesce(text, ''), completion = coalesce(completion, json_object(
    'model', model, 'finish_reason', 'unknown', 'usage', NULL, 'cost_usd', NULL, 'warnings', json_array()))
WHERE state = 'needs_review';

-- Who made the task: '' is the user of this machine, anything else a name that the HTTP server knows.
ALTER TABLE tasks ADD COLUMN principal TEXT NOT NULL DEFAULT ''
    CHECK (state <> 'needs_review' OR (kind = 'call' AND text IS NOT NULL AND completion IS NOT NULL));

-- When a reviewer last gave guidance, by both clocks: the deadline begins anew there.
ALTER TABLE tasks ADD COLUMN guided_at INTEGER
    CHECK (guided_at IS NULL OR kind = 'call');
ALTER TABLE tasks ADD COLUMN guided_tick INTEGER
    CHECK ((guided_at IS NULL) = (guided_tick IS NULL))
    -- What waits or runs has no ending left over from before it was guided.
    CHECK (state NOT IN ('queued', 'running') OR (text IS NULL AND completion IS NULL AND failure IS NULL));

DROP INDEX tasks_by_key;
CREATE UNIQUE INDEX tasks_by_key ON tasks (environment, principal, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

-- A task that is guided will end anew: its old ending would have it expire, and a group has not ended without it.
CREATE TRIGGER task_reopened AFTER UPDATE OF state ON tasks
WHEN NEW.kind = 'call' AND OLD.finished_at IS NOT NULL AND NEW.finished_at IS NULL
BEGIN
    DELETE FROM endings WHERE task IN (NEW.id, NEW.parent);
    UPDATE tasks SET state = 'running', finished_at = NULL, delivered_at = NULL
    WHERE id = NEW.parent AND state = 'completed';
END;
