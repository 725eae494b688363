-- The first schema. Times are milliseconds since the epoch; they are shown and sorted by, never waited on.

CREATE TABLE workers (
    id          TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    pid         INTEGER NOT NULL,
    doorbell    INTEGER CHECK (doorbell BETWEEN 1 AND 65535),
    started_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX workers_by_environment ON workers (environment, started_at);

CREATE TABLE tasks (
    id           TEXT PRIMARY KEY CHECK (length(id) >= 16),
    kind         TEXT NOT NULL CHECK (kind IN ('call', 'group')),
    parent       TEXT REFERENCES tasks (id) ON DELETE CASCADE,
    position     INTEGER CHECK (position >= 0),
    state        TEXT NOT NULL CHECK (state IN (
        'queued', 'running', 'completed', 'failed', 'cancelled', 'interrupted', 'needs_review')),
    environment  TEXT NOT NULL,
    project      TEXT NOT NULL,
    model        TEXT NOT NULL,
    head         TEXT NOT NULL,
    request      TEXT,
    idempotency_key TEXT,
    on_interrupt TEXT NOT NULL CHECK (on_interrupt IN ('report', 'retry')),
    timeout_ms   INTEGER CHECK (timeout_ms > 0),
    call         TEXT CHECK (call IS NULL OR json_valid(call)),
    created_at   INTEGER NOT NULL,
    created_tick INTEGER NOT NULL,
    started_at   INTEGER,
    finished_at  INTEGER,
    delivered_at INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    worker       TEXT,
    text         TEXT,
    completion   TEXT CHECK (completion IS NULL OR json_valid(completion)),
    failure      TEXT CHECK (failure IS NULL OR json_valid(failure)),
    CHECK ((kind = 'call') = (call IS NOT NULL)),
    CHECK ((kind = 'call') = (timeout_ms IS NOT NULL)),
    CHECK ((parent IS NULL) = (request IS NOT NULL)),
    CHECK (parent IS NULL OR idempotency_key IS NULL),
    CHECK ((parent IS NULL) = (position IS NULL)),
    CHECK ((finished_at IS NULL) = (state IN ('queued', 'running'))),
    CHECK (state <> 'queued' OR (worker IS NULL AND kind = 'call')),
    CHECK (state <> 'running' OR kind = 'group' OR (worker IS NOT NULL AND started_at IS NOT NULL)),
    CHECK (state <> 'completed' OR kind = 'group' OR (text IS NOT NULL AND completion IS NOT NULL)),
    CHECK (state <> 'failed' OR failure IS NOT NULL),
    CHECK (delivered_at IS NULL OR finished_at IS NOT NULL)
) STRICT;

CREATE INDEX tasks_waiting ON tasks (environment, created_at) WHERE state = 'queued';
CREATE INDEX tasks_running ON tasks (environment, worker) WHERE state = 'running';
CREATE INDEX tasks_by_project ON tasks (project, created_at) WHERE parent IS NULL;
CREATE INDEX tasks_by_request ON tasks (request) WHERE delivered_at IS NULL;
CREATE UNIQUE INDEX tasks_by_key ON tasks (environment, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX tasks_by_parent ON tasks (parent, position) WHERE parent IS NOT NULL;

-- One request to a provider. The row is committed as 'sent' before a byte leaves.
CREATE TABLE attempts (
    task     TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL CHECK (number >= 1),
    model    TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('sent', 'answered', 'failed', 'cancelled', 'lost')),
    handle   TEXT,
    sent_at  INTEGER NOT NULL,
    ended_at INTEGER,
    usage    TEXT CHECK (usage IS NULL OR json_valid(usage)),
    cost_usd REAL CHECK (cost_usd IS NULL OR cost_usd >= 0),
    failure  TEXT CHECK (failure IS NULL OR json_valid(failure)),
    PRIMARY KEY (task, number),
    CHECK ((ended_at IS NULL) = (state = 'sent'))
) STRICT, WITHOUT ROWID;

-- Text as it streams in. Moved into tasks.text when the task ends.
CREATE TABLE pieces (
    task   TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    text   TEXT NOT NULL,
    PRIMARY KEY (task, number)
) STRICT, WITHOUT ROWID;

-- Time that has really gone by for this store, for everything that expires: the wall's clock may be set, so it counts
-- only as far as the machine's own clock agrees, or a little for each boot in between.
CREATE TABLE clock (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    spent_ms INTEGER NOT NULL CHECK (spent_ms >= 0),
    wall_ms  INTEGER NOT NULL,
    tick_ms  INTEGER NOT NULL
) STRICT;

INSERT INTO clock VALUES (1, 0, 0, 0);

-- One row for each task that ended, in the order of ending; numbers are never used twice. Waiters read on from the
-- last number they saw instead of asking for every task they wait for.
CREATE TABLE endings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    task   TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    spent_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX endings_by_task ON endings (task);

CREATE TRIGGER task_ended AFTER UPDATE OF state ON tasks
WHEN NEW.kind = 'call' AND OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL
BEGIN
    INSERT INTO endings (task, spent_ms) SELECT NEW.id, spent_ms FROM clock;
    -- A group ends with its last member.
    UPDATE tasks SET state = 'completed', finished_at = NEW.finished_at
    WHERE id = NEW.parent AND state = 'running' AND NOT EXISTS (
        SELECT 1 FROM tasks AS member WHERE member.parent = NEW.parent AND member.finished_at IS NULL);
END;

-- A trigger does not fire itself, so the end of a group has one of its own.
CREATE TRIGGER group_ended AFTER UPDATE OF state ON tasks
WHEN NEW.kind = 'group' AND OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL
BEGIN
    INSERT INTO endings (task, spent_ms) SELECT NEW.id, spent_ms FROM clock;
END;
