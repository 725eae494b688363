-- What requests cost, held against caps before they leave, and kept when their tasks are gone.

ALTER TABLE attempts ADD COLUMN project TEXT;

-- What counts against caps: by estimate while the answer is out, then what it cost; the estimate again where nobody knows.
-- NULL where no price is known, and in what an earlier edition wrote.
ALTER TABLE attempts ADD COLUMN counted_usd REAL CHECK (counted_usd >= 0);
ALTER TABLE attempts ADD COLUMN counted_tokens INTEGER CHECK (counted_tokens >= 0);

-- With all that the sums need, so that no row is read for them.
CREATE INDEX attempts_under_way ON attempts (project, counted_usd, counted_tokens, state) WHERE state = 'sent';

CREATE TABLE spending (
    day                 TEXT NOT NULL CHECK (day GLOB '[0-9]*-[0-9][0-9]-[0-9][0-9]'),
    project             TEXT NOT NULL,
    principal           TEXT NOT NULL,
    model               TEXT NOT NULL,
    requests            INTEGER NOT NULL,
    unpriced            INTEGER NOT NULL,
    input_tokens        INTEGER NOT NULL,
    output_tokens       INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    reasoning_tokens    INTEGER NOT NULL,
    cost_usd            REAL NOT NULL,
    counted_usd         REAL NOT NULL,
    counted_tokens      INTEGER NOT NULL,
    PRIMARY KEY (day, project, principal, model)
) STRICT, WITHOUT ROWID;

-- A day's rows are few and together; a project's are as many as its days.
CREATE INDEX spending_by_project ON spending (project, counted_usd, counted_tokens);

INSERT INTO spending
SELECT date(ended_at / 1000, 'unixepoch'), tasks.project, principal, attempts.model, count(*),
    sum(cost_usd IS NULL AND attempts.state <> 'failed'),
    sum(coalesce(json_extract(usage, '$.input_tokens'), 0)),
    sum(coalesce(json_extract(usage, '$.output_tokens'), 0)),
    sum(coalesce(json_extract(usage, '$.cached_input_tokens'), 0)),
    sum(coalesce(json_extract(usage, '$.reasoning_tokens'), 0)),
    sum(coalesce(cost_usd, 0)),
    sum(coalesce(cost_usd, 0)),
    sum(coalesce(json_extract(usage, '$.input_tokens') + json_extract(usage, '$.output_tokens'), 0))
FROM attempts JOIN tasks ON tasks.id = attempts.task
WHERE ended_at IS NOT NULL
GROUP BY 1, 2, 3, 4;

-- However an attempt ends, it is booked once: it never comes back to 'sent'.
CREATE TRIGGER attempt_ended AFTER UPDATE OF state ON attempts
WHEN OLD.state = 'sent' AND NEW.state <> 'sent'
BEGIN
    INSERT INTO spending
    SELECT date(NEW.ended_at / 1000, 'unixepoch'), project, principal, NEW.model, 1,
        NEW.cost_usd IS NULL AND coalesce(NEW.counted_tokens, NEW.state <> 'failed') > 0,
        coalesce(json_extract(NEW.usage, '$.input_tokens'), 0),
        coalesce(json_extract(NEW.usage, '$.output_tokens'), 0),
        coalesce(json_extract(NEW.usage, '$.cached_input_tokens'), 0),
        coalesce(json_extract(NEW.usage, '$.reasoning_tokens'), 0),
        coalesce(NEW.cost_usd, 0),
        coalesce(NEW.counted_usd, NEW.cost_usd, 0),
        coalesce(NEW.counted_tokens,
            json_extract(NEW.usage, '$.input_tokens') + json_extract(NEW.usage, '$.output_tokens'), 0)
    FROM tasks WHERE id = NEW.task
    ON CONFLICT (day, project, principal, model) DO UPDATE SET
        requests = requests + 1,
        unpriced = unpriced + excluded.unpriced,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cached_input_tokens = cached_input_tokens + excluded.cached_input_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        cost_usd = cost_usd + excluded.cost_usd,
        counted_usd = counted_usd + excluded.counted_usd,
        counted_tokens = counted_tokens + excluded.counted_tokens;
END;
