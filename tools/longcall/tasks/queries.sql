-- name: add_task
-- One new task: a call waits as 'queued', a group is 'running' until its last member ends.
INSERT INTO tasks (id, kind, parent, position, state, environment, project, model, head, principal, request,
                   idempotency_key, on_interrupt, timeout_ms, call, created_at, created_tick,
                   conversation, heard, heard_from, files_from, trimmed,
                   at_once, held_for, held, twin, member_key, member_request)
VALUES (:id, :kind, :parent, :position, CASE :kind WHEN 'call' THEN 'queued' ELSE 'running' END,
        :environment, :project, :model, :head, :principal, :request,
        :idempotency_key, :on_interrupt, :timeout_ms, :call, :now, :tick,
        :conversation, :heard, :heard_from, :files_from, :trimmed,
        :at_once, :held_for, :held, :twin, :member_key, :member_request);

-- name: same_key
-- Every task with this key, oldest first: one of its own, and members of groups.
SELECT id, parent, request, conversation, state, cancel_requested, created_at, rowid AS place FROM tasks
WHERE environment IN (SELECT value FROM json_each(:environments)) AND principal = :principal
  AND idempotency_key = :idempotency_key
UNION ALL
SELECT id, parent, member_request AS request, NULL AS conversation, state, cancel_requested, created_at, rowid AS place FROM tasks
WHERE environment IN (SELECT value FROM json_each(:environments)) AND principal = :principal
  AND member_key = :idempotency_key
ORDER BY created_at, place;

-- name: same_request
-- A task with the same request that still runs, or whose answer nobody has been handed; of the same conversation, in
-- which nothing else was said since.
SELECT id, state FROM tasks
WHERE request = :request AND delivered_at IS NULL AND principal = :principal AND cancel_requested = 0
  AND environment IN (SELECT value FROM json_each(:environments))
  AND state IN ('queued', 'running', 'completed', 'needs_review') AND conversation IS :conversation
  AND NOT EXISTS (SELECT 1 FROM turns WHERE conversation = :conversation AND number > heard AND task <> tasks.id)
ORDER BY created_at DESC, rowid DESC LIMIT 1;

-- name: claim
-- Takes the oldest waiting tasks of one environment for one worker; what is held waits for more than a worker.
UPDATE tasks SET state = 'running', worker = :worker, started_at = max(:now, created_at)
WHERE id IN (
    SELECT id FROM tasks WHERE state = 'queued' AND held = 0 AND environment = :environment
    ORDER BY created_at, rowid LIMIT :most)
RETURNING id, rowid AS place, created_at, project, parent, held_for, twin, coalesce(guided_at, created_at) AS asked_at,
    coalesce(guided_tick, created_tick) AS asked_tick, call, conversation, heard, heard_from, files_from,
    (SELECT handle FROM attempts WHERE task = tasks.id AND state = 'sent') AS handle,
    (SELECT model FROM attempts WHERE task = tasks.id AND state = 'sent') AS asked,
    EXISTS (SELECT 1 FROM attempts WHERE task = tasks.id AND series = tasks.series AND state <> 'sent') AS was_tried;

-- name: answers
-- The members of a group whose answers are to be combined, with their texts.
SELECT tasks.*, length(text) AS chars FROM tasks
WHERE parent = :task AND held_for IS NOT 'members' ORDER BY position;

-- name: past
-- What was asked since the task was made, or last guided, with the texts that came.
SELECT * FROM attempts
WHERE task = :task AND state <> 'sent' AND series = (SELECT series FROM tasks WHERE id = :task) ORDER BY number;

-- name: expire_queued
-- The deadline covers the waiting for a worker too; that of a member that waits for others begins when it is taken.
UPDATE tasks SET state = 'failed', finished_at = max(:now, created_at), failure = :failure
WHERE state = 'queued' AND held = 0 AND held_for IS NULL AND environment = :environment
  AND (CASE WHEN :tick < coalesce(guided_tick, created_tick) THEN :now - coalesce(guided_at, created_at)
            ELSE :tick - coalesce(guided_tick, created_tick) END) > timeout_ms
  -- What a provider already works on is fetched or cancelled there, by a worker.
  AND NOT EXISTS (SELECT 1 FROM attempts WHERE task = tasks.id AND state = 'sent');

-- name: note_handle
-- The name under which the provider keeps the answer, so that it can be fetched by another worker.
UPDATE attempts SET handle = :handle
WHERE task = :task AND state = 'sent'
  AND EXISTS (SELECT 1 FROM tasks WHERE id = :task AND state = 'running' AND worker = :worker);

-- name: mark_sent
-- Writes the attempt down before its request leaves; no row comes back when the task is no longer ours to send.
INSERT INTO attempts (task, number, model, role, request, series, state, sent_at, project, counted_usd, counted_tokens)
SELECT id, (SELECT count(*) + 1 FROM attempts WHERE task = :task), :model, :role, :request, series, 'sent', :now,
    project, :usd, :tokens
FROM tasks WHERE id = :task AND state = 'running' AND worker = :worker AND cancel_requested = 0
RETURNING number;

-- name: spent_by_call
-- What counts against the caps of one task: what was spent, and what is under way.
SELECT coalesce(sum(coalesce(counted_usd, cost_usd)) FILTER (WHERE state <> 'sent'), 0) AS usd,
    coalesce(sum(counted_tokens) FILTER (WHERE state <> 'sent'), 0) AS tokens,
    coalesce(sum(counted_usd) FILTER (WHERE state = 'sent'), 0) AS open_usd,
    coalesce(sum(counted_tokens) FILTER (WHERE state = 'sent'), 0) AS open_tokens
FROM attempts WHERE task = :task;

-- name: spent_by_day
-- What counts against the caps of a day, everything on this store together; what is under way counts, whenever it left.
SELECT spent.usd, spent.tokens, under_way.usd AS open_usd, under_way.tokens AS open_tokens
FROM (SELECT coalesce(sum(counted_usd), 0) AS usd, coalesce(sum(counted_tokens), 0) AS tokens
      FROM spending WHERE day = date(:now / 1000, 'unixepoch')) AS spent,
    (SELECT coalesce(sum(nano_usd), 0) / 1e9 AS usd, coalesce(sum(tokens), 0) AS tokens FROM under_way) AS under_way;

-- name: spent_by_project
SELECT spent.usd, spent.tokens, under_way.usd AS open_usd, under_way.tokens AS open_tokens
FROM (SELECT coalesce(sum(counted_usd), 0) AS usd, coalesce(sum(counted_tokens), 0) AS tokens
      FROM spending WHERE project = (SELECT project FROM tasks WHERE id = :task)) AS spent,
    (SELECT coalesce(sum(nano_usd), 0) / 1e9 AS usd, coalesce(sum(tokens), 0) AS tokens
     FROM under_way WHERE project = (SELECT project FROM tasks WHERE id = :task)) AS under_way;

-- name: spending
SELECT * FROM spending WHERE day > date(:now / 1000, 'unixepoch', '-' || :days || ' days')
ORDER BY day, project, principal, model;

-- name: end_attempt
UPDATE attempts SET state = :state, ended_at = max(:now, sent_at), usage = :usage, cost_usd = :cost_usd,
    failure = :failure, text = :text, completion = :completion,
    -- What costs nothing by estimate is on a subscription, whatever its provider says that it would cost.
    counted_usd = CASE WHEN :is_free OR counted_usd = 0 THEN 0 ELSE coalesce(:cost_usd, counted_usd) END,
    counted_tokens = CASE WHEN :is_free THEN 0 ELSE coalesce(:tokens, counted_tokens) END
WHERE task = :task AND state = 'sent'
  AND EXISTS (SELECT 1 FROM tasks WHERE id = :task AND state = 'running' AND worker = :worker)
RETURNING number;

-- name: make_turn
-- The attempt that has just ended asked for tools.
UPDATE attempts SET role = 'turn' WHERE task = :task AND number = :number AND role = 'answer' AND state = 'answered';

-- name: add_step
INSERT INTO steps (task, attempt, number, id, tool, arguments)
VALUES (:task, :attempt, :number, :id, :tool, :arguments);

-- name: begin_step
UPDATE steps SET state = 'begun'
WHERE task = :task AND attempt = :attempt AND number = :number AND state = 'asked'
  AND EXISTS (SELECT 1 FROM tasks WHERE id = :task AND state = 'running' AND worker = :worker AND cancel_requested = 0)
RETURNING number;

-- name: end_step
UPDATE steps SET state = :state, result = :result, ms = :ms
WHERE task = :task AND attempt = :attempt AND number = :number AND state IN ('asked', 'begun')
  AND EXISTS (SELECT 1 FROM tasks WHERE id = :task AND state = 'running' AND worker = :worker)
RETURNING number;

-- name: steps
SELECT * FROM steps WHERE task = :task ORDER BY attempt, number;

-- name: note_checked
UPDATE attempts SET checked = :checked
WHERE task = :task AND number = :number AND text IS NOT NULL
  AND EXISTS (SELECT 1 FROM tasks WHERE id = :task AND state = 'running' AND worker = :worker);

-- name: add_piece
INSERT INTO pieces (task, number, text)
SELECT id, (SELECT coalesce(max(number), 0) + 1 FROM pieces WHERE task = :task), :text
FROM tasks WHERE id = :task AND state = 'running' AND worker = :worker;

-- name: finish
-- The end of a running task, by the worker that holds it; a NULL text keeps the pieces as the text, and for want of
-- them the last answer.
UPDATE tasks SET state = :state, finished_at = max(:now, started_at), completion = :completion, failure = :failure,
    validation = :validation,
    text = coalesce(:text,
        (SELECT group_concat(text, '') FROM (SELECT text FROM pieces WHERE task = :task ORDER BY number)),
        (SELECT text FROM attempts WHERE task = :task AND role = 'answer' AND text IS NOT NULL
         ORDER BY number DESC LIMIT 1))
WHERE id = :task AND state = 'running' AND worker = :worker;

-- name: drop_pieces
DELETE FROM pieces WHERE task = :task;

-- name: accept
UPDATE tasks SET state = 'completed', completion = json_insert(completion, '$.warnings[#]', :warning)
WHERE id = :task AND state = 'needs_review';

-- name: stop
UPDATE tasks SET state = 'cancelled', cancel_requested = 1 WHERE id = :task AND state = 'needs_review';

-- name: under_review
SELECT call, text, conversation FROM tasks WHERE id = :task AND state = 'needs_review';

-- name: guide
-- The answer is in the call by now. A cancel that the answer forestalled is forgotten: somebody wants the work again.
UPDATE tasks SET state = 'queued', call = :call, guided_at = :now, guided_tick = :tick, cancel_requested = 0,
    worker = NULL, started_at = NULL, finished_at = NULL, delivered_at = NULL, text = NULL, completion = NULL,
    failure = NULL, validation = NULL, series = series + 1,
    twin = NULL, held = held_for IS NOT NULL, held_for = CASE WHEN held_for IS NOT NULL THEN 'place' END
WHERE id = :task AND state = 'needs_review';

-- name: cancel_queued
-- A task (or every member of a group) that no worker has taken is cancelled on the spot.
UPDATE tasks SET state = 'cancelled', cancel_requested = 1, held = 0, finished_at = max(:now, created_at)
WHERE (id = :task OR parent = :task) AND state = 'queued'
  AND NOT EXISTS (SELECT 1 FROM attempts WHERE task = tasks.id AND state = 'sent');

-- name: abandon_attempts
-- What the provider was to be asked for again, of a task or group whose cancel was asked for.
UPDATE attempts SET state = 'lost', ended_at = max(:now, sent_at)
WHERE state = 'sent' AND task IN (
    SELECT id FROM tasks WHERE (id = :task OR parent = :task) AND state = 'queued' AND cancel_requested = 1);

-- name: abandon
UPDATE tasks SET state = 'cancelled', held = 0, finished_at = max(:now, created_at), failure = :failure
WHERE (id = :task OR parent = :task) AND state = 'queued' AND cancel_requested = 1;

-- name: request_cancel
UPDATE tasks SET cancel_requested = 1 WHERE (id = :task OR parent = :task) AND state IN ('queued', 'running');

-- name: cancel_requests
SELECT id FROM tasks
WHERE state = 'running' AND environment = :environment AND worker = :worker AND cancel_requested = 1;

-- name: orphans
-- Running tasks of one environment whose worker is not the living one.
SELECT id, cancel_requested, on_interrupt, open.number IS NOT NULL AS was_sent, open.handle, open.role,
    held_for IS 'members' AS combines,
    (SELECT count(*) FROM attempts WHERE task = tasks.id AND state <> 'answered') AS unanswered
FROM tasks LEFT JOIN attempts AS open ON open.task = tasks.id AND open.state = 'sent'
WHERE tasks.state = 'running' AND kind = 'call' AND environment = :environment AND worker IS NOT :worker;

-- name: requeue
-- Nothing had been sent: the task simply waits again.
UPDATE tasks SET state = 'queued', worker = NULL, started_at = NULL WHERE id = :task AND state = 'running';

-- name: lose_attempt
UPDATE attempts SET state = 'lost', ended_at = max(:now, sent_at) WHERE task = :task AND state = 'sent';

-- name: end_orphan
UPDATE tasks SET state = :state, finished_at = max(:now, started_at), failure = :failure,
    text = coalesce(
        (SELECT group_concat(text, '') FROM (SELECT text FROM pieces WHERE task = :task ORDER BY number)),
        (SELECT text FROM attempts WHERE task = :task AND role = 'answer' AND text IS NOT NULL
         ORDER BY number DESC LIMIT 1))
WHERE id = :task AND state = 'running';

-- name: task
SELECT tasks.*, CASE
        WHEN text IS NOT NULL THEN length(text)
        ELSE (SELECT coalesce(sum(length(p.text)), 0) FROM pieces AS p WHERE p.task = tasks.id) END AS chars
FROM tasks WHERE id = :task;

-- name: pieces
SELECT text FROM pieces WHERE task = :task ORDER BY number;

-- name: attempts
-- Without their texts, which only who asks for them reads.
SELECT task, number, model, role, request, series, state, sent_at, ended_at, usage, cost_usd, failure, completion, checked,
    NULL AS text
FROM attempts WHERE task = :task ORDER BY number;

-- name: attempt_text
SELECT text FROM attempts WHERE task = :task AND number = :number;

-- name: members
SELECT tasks.*, CASE
        WHEN text IS NOT NULL THEN length(text)
        ELSE (SELECT coalesce(sum(length(p.text)), 0) FROM pieces AS p WHERE p.task = tasks.id) END AS chars
FROM tasks WHERE parent = :task ORDER BY position;

-- name: texts
-- Texts of the members of a group that ended, in order.
SELECT id, text FROM tasks
WHERE parent = :task AND text IS NOT NULL AND position >= :first AND position <= :last ORDER BY position;

-- name: recent
SELECT tasks.*, CASE
        WHEN text IS NOT NULL THEN length(text)
        ELSE (SELECT coalesce(sum(length(p.text)), 0) FROM pieces AS p WHERE p.task = tasks.id) END AS chars
FROM tasks WHERE parent IS NULL AND (:project IS NULL OR project = :project)
  AND (:principal IS NULL OR principal = :principal) AND (NOT :active OR state IN ('queued', 'running'))
ORDER BY created_at DESC, rowid DESC LIMIT :most;

-- name: adopt
-- A key that was used under both names stays with the task that each had; what runs is its worker's.
UPDATE OR IGNORE tasks SET environment = :environment WHERE environment = :older AND (kind = 'group' OR state <> 'running');

-- name: ids_like
SELECT id FROM tasks WHERE id >= :start AND id < :start || 'g' ORDER BY created_at DESC LIMIT 2;

-- name: endings
SELECT number, task FROM endings WHERE number > :after ORDER BY number;

-- name: last_ending
SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'endings';

-- name: mark_delivered
UPDATE tasks SET delivered_at = max(:now, finished_at)
WHERE (id = :task OR parent = :task) AND finished_at IS NOT NULL AND delivered_at IS NULL;

-- name: unfinished
SELECT EXISTS (SELECT 1 FROM tasks WHERE state = 'queued' AND environment = :environment)
    OR EXISTS (SELECT 1 FROM tasks WHERE state = 'running' AND kind = 'call' AND environment = :environment);

-- name: being_combined
-- Whether the answers of a task's group are being made one.
SELECT 1 FROM tasks AS whole JOIN tasks AS made ON made.parent = whole.parent
WHERE whole.id = :task AND made.held_for = 'members' AND made.state = 'running';

-- name: hold_again
-- The task with its key is asked again by now.
UPDATE tasks SET state = 'queued', worker = NULL, started_at = NULL, held_for = 'twin', held = 1
WHERE id = :task AND state = 'running';

-- name: waiting
SELECT EXISTS (SELECT 1 FROM tasks WHERE state = 'queued' AND environment = :environment);

-- name: enrol
INSERT INTO workers (id, environment, pid, doorbell, started_at) VALUES (:id, :environment, :pid, :doorbell, :now);

-- name: forget_workers
-- Earlier workers of this environment are dead: the one that asks holds their lock.
DELETE FROM workers WHERE environment = :environment AND id <> :id;

-- name: doorbell
SELECT doorbell FROM workers WHERE environment = :environment ORDER BY started_at DESC LIMIT 1;

-- name: clock
SELECT spent_ms, wall_ms, tick_ms FROM clock;

-- name: set_clock
UPDATE clock SET spent_ms = :spent, wall_ms = :now, tick_ms = :tick;

-- name: expire
-- Tasks that ended longer ago than they are kept, by the time that has really gone by.
DELETE FROM tasks WHERE parent IS NULL AND id IN (
    SELECT task FROM endings WHERE spent_ms < (SELECT spent_ms FROM clock) - :kept) RETURNING id;

-- name: expiring_members
-- A cascade returns no rows, so the members of what expires are asked for before.
SELECT id FROM tasks WHERE parent IN (
    SELECT task FROM endings WHERE spent_ms < (SELECT spent_ms FROM clock) - :kept);

-- name: prune
DELETE FROM tasks WHERE parent IS NULL AND finished_at IS NOT NULL AND finished_at < :before RETURNING id;

-- name: data_version
PRAGMA data_version;

-- name: begin_conversation
-- A name that another process was first with leads to nothing here.
INSERT INTO conversations (id, principal, project, name, created_at, used_at)
VALUES (:id, :principal, :project, :name, :now, :now) ON CONFLICT DO NOTHING;

-- name: use_conversation
UPDATE conversations SET used_at = max(used_at, :now) WHERE id = :id AND principal = :principal;

-- name: touch_conversation
UPDATE conversations SET used_at = max(used_at, :now) WHERE id = :conversation;

-- name: demand_free
-- The task that is at work in a conversation.
SELECT tasks.id, name FROM tasks JOIN conversations ON conversations.id = tasks.conversation
WHERE tasks.conversation = :conversation AND tasks.conversation IS NOT NULL AND state IN ('queued', 'running');

-- name: demand_done
-- The tasks that may still add to a conversation.
SELECT tasks.id, name FROM tasks JOIN conversations ON conversations.id = tasks.conversation
WHERE tasks.conversation = :conversation AND state IN ('queued', 'running', 'needs_review');

-- name: last_turn
SELECT coalesce(max(number), 0) FROM turns WHERE conversation = :conversation;

-- name: heard_turns
-- What a task is asked with: the turns that it is to hear, and the system texts of the newest task that gave any.
SELECT number, role, content, bare FROM turns
WHERE conversation = :conversation AND number <= :heard AND CASE
    WHEN role NOT IN ('system', 'developer') THEN number >= :heard_from
    ELSE task = (SELECT task FROM turns WHERE conversation = :conversation AND number <= :heard
                 AND role IN ('system', 'developer') ORDER BY number DESC LIMIT 1) END
ORDER BY number;

-- name: said
-- What a task was asked and has answered, where the conversation that it went on with is still there.
SELECT call, text, json_extract(completion, '$.model') AS model, conversation
FROM tasks JOIN conversations ON conversations.id = tasks.conversation
WHERE tasks.id = :task AND state = 'completed';

-- name: add_turn
INSERT INTO turns (conversation, number, task, role, model, said_at, tokens, bare_tokens, content, bare)
SELECT :conversation, coalesce(max(number), 0) + 1, :task, :role, :model, :now, :tokens, :bare_tokens, :content, :bare
FROM turns WHERE conversation = :conversation;

-- name: conversations
SELECT *,
    (SELECT count(*) FROM turns WHERE conversation = talk.id AND role IN ('user', 'assistant')) AS turns,
    (SELECT coalesce(sum(tokens), 0) FROM turns WHERE conversation = talk.id) AS tokens,
    (SELECT tasks.id FROM tasks WHERE tasks.conversation = talk.id AND tasks.conversation IS NOT NULL
     AND state IN ('queued', 'running')) AS task
FROM conversations AS talk
WHERE (:id IS NULL OR id = :id) AND (:principal IS NULL OR principal = :principal)
  AND (:project IS NULL OR project = :project) AND (:name IS NULL OR name = :name)
ORDER BY used_at DESC, rowid DESC;

-- name: sizes
SELECT number, role, task, tokens, bare_tokens FROM turns WHERE conversation = :conversation ORDER BY number;

-- name: turns
SELECT number, role, content, task, said_at, tokens, model FROM turns
WHERE conversation = :conversation ORDER BY number;

-- name: delete_conversation
DELETE FROM conversations WHERE id = :conversation;
