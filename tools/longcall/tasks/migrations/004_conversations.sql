-- Conversations: what was said in turn, with whatever models. They outlive the tasks in which it was said.

CREATE TABLE conversations (
    id         TEXT PRIMARY KEY CHECK (length(id) >= 16),
    principal  TEXT NOT NULL,
    project    TEXT NOT NULL,
    name       TEXT NOT NULL CHECK (name <> ''),
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    UNIQUE (principal, project, name)
) STRICT;

-- What is small stands before the contents, so that sizes are read without them.
CREATE TABLE turns (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL CHECK (number >= 1),
    task        TEXT NOT NULL,
    role        TEXT NOT NULL CHECK (role IN ('system', 'developer', 'user', 'assistant')),
    model       TEXT CHECK (model IS NULL OR role = 'assistant'),
    said_at     INTEGER NOT NULL,
    tokens      INTEGER NOT NULL CHECK (tokens >= 0),
    bare_tokens INTEGER CHECK (bare_tokens >= 0),
    content     TEXT NOT NULL CHECK (json_valid(content)),
    -- The text without the files that were shown with it; NULL where none were.
    bare        TEXT CHECK ((bare IS NULL) = (bare_tokens IS NULL) AND (bare IS NULL OR role = 'user')),
    PRIMARY KEY (conversation, number)
) STRICT;

-- The conversation that a task goes on with; the id stays when the conversation is deleted.
ALTER TABLE tasks ADD COLUMN conversation TEXT
    CHECK (conversation IS NULL OR (kind = 'call' AND parent IS NULL));

-- Which of its turns the task is asked with: up to `heard`, from `heard_from` on, with their files from `files_from` on.
ALTER TABLE tasks ADD COLUMN heard INTEGER
    CHECK ((heard IS NULL) = (conversation IS NULL) AND (heard IS NULL OR heard >= 0));
ALTER TABLE tasks ADD COLUMN heard_from INTEGER
    CHECK ((heard_from IS NULL) = (conversation IS NULL) AND (heard_from IS NULL OR heard_from BETWEEN 1 AND heard + 1));
ALTER TABLE tasks ADD COLUMN files_from INTEGER
    CHECK ((files_from IS NULL) = (conversation IS NULL) AND (files_from IS NULL OR files_from >= heard_from));

-- What was left out for want of room, as a sentence.
ALTER TABLE tasks ADD COLUMN trimmed TEXT CHECK (trimmed IS NULL OR conversation IS NOT NULL);

-- One task at a time is at work in a conversation.
CREATE UNIQUE INDEX tasks_at_work ON tasks (conversation)
    WHERE conversation IS NOT NULL AND state IN ('queued', 'running');
