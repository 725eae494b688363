-- Answers are checked, and asked for again: each attempt keeps its text and what was found of it.

-- How often the task was guided; attempts of an earlier series count for nothing but the bill.
ALTER TABLE tasks ADD COLUMN series INTEGER NOT NULL DEFAULT 0 CHECK (series >= 0);

-- What became of the checks; what waits or runs has none left over from before it was guided.
ALTER TABLE tasks ADD COLUMN validation TEXT
    CHECK (validation IS NULL OR (json_valid(validation) AND kind = 'call' AND state NOT IN ('queued', 'running')));

ALTER TABLE attempts ADD COLUMN role TEXT NOT NULL DEFAULT 'answer' CHECK (role IN ('answer', 'judge', 'turn'));
ALTER TABLE attempts ADD COLUMN series INTEGER NOT NULL DEFAULT 0 CHECK (series >= 0);

-- A hash of what a judge was asked, by which a later worker finds its answer instead of asking again.
ALTER TABLE attempts ADD COLUMN request TEXT CHECK (request IS NULL OR role = 'judge');

-- The whole answer, and how it ended; NULL for a call without checks, whose task keeps them.
ALTER TABLE attempts ADD COLUMN text TEXT CHECK (text IS NULL OR state = 'answered');
ALTER TABLE attempts ADD COLUMN completion TEXT
    CHECK ((completion IS NULL) = (text IS NULL) AND (completion IS NULL OR json_valid(completion)));

ALTER TABLE attempts ADD COLUMN checked TEXT
    CHECK (checked IS NULL OR (json_valid(checked) AND role = 'answer' AND text IS NOT NULL));

-- Uses of tools, as a model asked for them in a turn: committed before they are called, and with what they said.
CREATE TABLE steps (
    task      TEXT NOT NULL,
    attempt   INTEGER NOT NULL,
    number    INTEGER NOT NULL CHECK (number >= 1),
    id        TEXT NOT NULL,
    tool      TEXT NOT NULL,
    arguments TEXT NOT NULL,
    state     TEXT NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'begun', 'done', 'failed')),
    result    TEXT,
    ms        INTEGER CHECK (ms >= 0),
    PRIMARY KEY (task, attempt, number),
    FOREIGN KEY (task, attempt) REFERENCES attempts (task, number) ON DELETE CASCADE,
    CHECK ((result IS NULL) = (state IN ('asked', 'begun')))
) STRICT, WITHOUT ROWID;
