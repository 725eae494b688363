-- Groups with a limit, an answer made of their members' answers, and keys of single members.

-- Members of a group that may be at work at once; NULL sets no limit.
ALTER TABLE tasks ADD COLUMN at_once INTEGER CHECK (at_once IS NULL OR (kind = 'group' AND at_once >= 1));

-- What a member waits for, or waited for, besides a worker: a place among the `at_once` of its group, the end of all
-- other members, whose answers it combines, or the end of the task that has its key.
ALTER TABLE tasks ADD COLUMN held_for TEXT
    CHECK (held_for IS NULL OR (held_for IN ('place', 'members', 'twin') AND kind = 'call' AND parent IS NOT NULL));

-- Whether it still waits for that: then no worker may take it.
ALTER TABLE tasks ADD COLUMN held INTEGER NOT NULL DEFAULT 0
    CHECK (held = 0 OR (held = 1 AND held_for IS NOT NULL AND state = 'queued'));

-- The task that had the member's key before, whose answer it takes over.
ALTER TABLE tasks ADD COLUMN twin TEXT REFERENCES tasks (id) ON DELETE SET NULL
    CHECK (twin IS NULL OR (kind = 'call' AND parent IS NOT NULL));

-- The idempotency key of a member, and what is asked under it.
ALTER TABLE tasks ADD COLUMN member_key TEXT CHECK (member_key IS NULL OR (kind = 'call' AND parent IS NOT NULL));
ALTER TABLE tasks ADD COLUMN member_request TEXT CHECK ((member_request IS NULL) = (member_key IS NULL));

-- What can be claimed stands apart from what is held, in its order: a claim never walks over what it may not take.
DROP INDEX tasks_waiting;
CREATE INDEX tasks_waiting ON tasks (environment, held, created_at) WHERE state = 'queued';
-- The members of a group that have not ended: who is next, how many are at it, and whether any is left.
CREATE INDEX tasks_open ON tasks (parent, held, held_for, position)
    WHERE finished_at IS NULL AND parent IS NOT NULL;
CREATE INDEX tasks_by_twin ON tasks (twin) WHERE twin IS NOT NULL;
CREATE INDEX tasks_by_member_key ON tasks (principal, member_key) WHERE member_key IS NOT NULL;

DROP TRIGGER task_ended;
CREATE TRIGGER task_ended AFTER UPDATE OF state ON tasks
WHEN NEW.kind = 'call' AND OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL
BEGIN
    INSERT INTO endings (task, spent_ms) SELECT NEW.id, spent_ms FROM clock;
    -- Who waited for its answer takes it over, or asks, in a place of its group.
    UPDATE tasks SET held_for = 'place' WHERE twin = NEW.id AND held = 1 AND held_for = 'twin';
    -- Its place goes to the next member.
    UPDATE tasks SET held = 0
    WHERE id = (SELECT next.id FROM tasks AS next
                WHERE next.parent = NEW.parent AND next.finished_at IS NULL AND next.held = 1 AND next.held_for = 'place'
                ORDER BY next.position LIMIT 1)
      AND (SELECT count(*) FROM tasks AS busy
           WHERE busy.parent = NEW.parent AND busy.finished_at IS NULL AND busy.held = 0)
        < coalesce((SELECT at_once FROM tasks AS whole WHERE whole.id = NEW.parent), 1 << 31);
    -- After the last of them their answers are combined.
    UPDATE tasks SET held = 0
    WHERE parent = NEW.parent AND finished_at IS NULL AND held = 1 AND held_for = 'members' AND NOT EXISTS (
        SELECT 1 FROM tasks AS member
        WHERE member.parent = NEW.parent AND member.finished_at IS NULL AND member.held_for IS NOT 'members');
    -- A group ends with its last member, and with what was made of all their answers.
    UPDATE tasks SET finished_at = NEW.finished_at, (state, text, completion, failure) = (
        SELECT coalesce(max(made.state), 'completed'), max(made.text), max(made.completion), max(made.failure)
        FROM tasks AS made WHERE made.parent = NEW.parent AND made.held_for = 'members')
    WHERE id = NEW.parent AND state = 'running' AND NOT EXISTS (
        SELECT 1 FROM tasks AS member WHERE member.parent = NEW.parent AND member.finished_at IS NULL);
END;

-- One that is asked again, or whose twin gave no answer, takes a place like any other.
CREATE TRIGGER place_wanted AFTER UPDATE OF held_for ON tasks
WHEN NEW.held = 1 AND NEW.held_for = 'place'
BEGIN
    UPDATE tasks SET held = 0
    WHERE id = (SELECT next.id FROM tasks AS next
                WHERE next.parent = NEW.parent AND next.finished_at IS NULL AND next.held = 1 AND next.held_for = 'place'
                ORDER BY next.position LIMIT 1)
      AND (SELECT count(*) FROM tasks AS busy
           WHERE busy.parent = NEW.parent AND busy.finished_at IS NULL AND busy.held = 0)
        < coalesce((SELECT at_once FROM tasks AS whole WHERE whole.id = NEW.parent), 1 << 31);
END;

DROP TRIGGER task_reopened;
CREATE TRIGGER task_reopened AFTER UPDATE OF state ON tasks
WHEN NEW.kind = 'call' AND OLD.finished_at IS NOT NULL AND NEW.finished_at IS NULL
BEGIN
    DELETE FROM endings WHERE task IN (NEW.id, NEW.parent);
    UPDATE tasks SET state = 'running', finished_at = NULL, delivered_at = NULL, text = NULL, completion = NULL,
        failure = NULL, cancel_requested = 0
    WHERE id = NEW.parent AND finished_at IS NOT NULL;
END;

-- An answer that somebody took, or has had done better, was not among those that were combined.
CREATE TRIGGER review_decided AFTER UPDATE OF state ON tasks
WHEN NEW.parent IS NOT NULL AND OLD.state = 'needs_review' AND NEW.state IN ('queued', 'completed')
BEGIN
    UPDATE tasks SET state = 'queued', worker = NULL, started_at = NULL, finished_at = NULL, delivered_at = NULL,
        text = NULL, completion = NULL, failure = NULL, validation = NULL, cancel_requested = 0, series = series + 1,
        held = EXISTS (SELECT 1 FROM tasks AS member WHERE member.parent = NEW.parent AND member.finished_at IS NULL)
    WHERE parent = NEW.parent AND held_for = 'members' AND finished_at IS NOT NULL;
END;
