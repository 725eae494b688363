-- What is under way, in sums that stay as quick to read however much that is; billionths of a dollar add up exactly.
CREATE TABLE under_way (
    project  TEXT PRIMARY KEY,
    nano_usd INTEGER NOT NULL,
    tokens   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO under_way
SELECT project, sum(CAST(round(coalesce(counted_usd, 0) * 1e9) AS INTEGER)), sum(coalesce(counted_tokens, 0))
FROM attempts WHERE state = 'sent' AND project IS NOT NULL
GROUP BY project;

DROP INDEX attempts_under_way;

CREATE TRIGGER attempt_sent AFTER INSERT ON attempts
WHEN NEW.state = 'sent' AND NEW.project IS NOT NULL
BEGIN
    INSERT INTO under_way
    VALUES (NEW.project, CAST(round(coalesce(NEW.counted_usd, 0) * 1e9) AS INTEGER), coalesce(NEW.counted_tokens, 0))
    ON CONFLICT (project) DO UPDATE SET
        nano_usd = nano_usd + excluded.nano_usd,
        tokens = tokens + excluded.tokens;
END;

CREATE TRIGGER attempt_no_longer_sent AFTER UPDATE OF state ON attempts
WHEN OLD.state = 'sent' AND NEW.state <> 'sent'
BEGIN
    UPDATE under_way SET
        nano_usd = nano_usd - CAST(round(coalesce(OLD.counted_usd, 0) * 1e9) AS INTEGER),
        tokens = tokens - coalesce(OLD.counted_tokens, 0)
    WHERE project = OLD.project;
END;

CREATE TRIGGER sent_attempt_deleted AFTER DELETE ON attempts
WHEN OLD.state = 'sent'
BEGIN
    UPDATE under_way SET
        nano_usd = nano_usd - CAST(round(coalesce(OLD.counted_usd, 0) * 1e9) AS INTEGER),
        tokens = tokens - coalesce(OLD.counted_tokens, 0)
    WHERE project = OLD.project;
END;
