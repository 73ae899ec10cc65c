-- +goose Up

-- how many conversations each tab of each person has: kept by the database itself, so that nobody has to count
CREATE TABLE conversation_counts (
    assignee_id TEXT NOT NULL,
    team_id     TEXT NOT NULL,
    status      TEXT NOT NULL,
    n           BIGINT NOT NULL,
    PRIMARY KEY (assignee_id, team_id, status)
);
INSERT INTO conversation_counts (assignee_id, team_id, status, n) SELECT assignee_id, team_id, status, COUNT(*) FROM conversations GROUP BY assignee_id, team_id, status;

-- only sqlite
-- +goose StatementBegin
CREATE TRIGGER conversation_counts_insert AFTER INSERT ON conversations BEGIN
    INSERT INTO conversation_counts VALUES (new.assignee_id, new.team_id, new.status, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER conversation_counts_update AFTER UPDATE OF assignee_id, team_id, status ON conversations
WHEN old.assignee_id <> new.assignee_id OR old.team_id <> new.team_id OR old.status <> new.status BEGIN
    UPDATE conversation_counts SET n = n - 1 WHERE assignee_id = old.assignee_id AND team_id = old.team_id AND status = old.status;
    INSERT INTO conversation_counts VALUES (new.assignee_id, new.team_id, new.status, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER conversation_counts_delete AFTER DELETE ON conversations BEGIN
    UPDATE conversation_counts SET n = n - 1 WHERE assignee_id = old.assignee_id AND team_id = old.team_id AND status = old.status;
END;
-- +goose StatementEnd
-- end only
-- only postgres
-- +goose StatementBegin
CREATE FUNCTION conversation_counts_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO conversation_counts AS c SELECT assignee_id, team_id, status, COUNT(*) FROM newer GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            ON CONFLICT (assignee_id, team_id, status) DO UPDATE SET n = c.n + excluded.n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO conversation_counts AS c SELECT assignee_id, team_id, status, -COUNT(*) FROM older GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            ON CONFLICT (assignee_id, team_id, status) DO UPDATE SET n = c.n + excluded.n;
    ELSE
        INSERT INTO conversation_counts AS c
            SELECT assignee_id, team_id, status, SUM(n) FROM (
                SELECT assignee_id, team_id, status, 1 AS n FROM newer UNION ALL SELECT assignee_id, team_id, status, -1 FROM older) moved
            GROUP BY 1, 2, 3 HAVING SUM(n) <> 0 ORDER BY 1, 2, 3
            ON CONFLICT (assignee_id, team_id, status) DO UPDATE SET n = c.n + excluded.n;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER conversation_counts_insert AFTER INSERT ON conversations REFERENCING NEW TABLE AS newer FOR EACH STATEMENT EXECUTE FUNCTION conversation_counts_move();
CREATE TRIGGER conversation_counts_update AFTER UPDATE ON conversations REFERENCING OLD TABLE AS older NEW TABLE AS newer FOR EACH STATEMENT EXECUTE FUNCTION conversation_counts_move();
CREATE TRIGGER conversation_counts_delete AFTER DELETE ON conversations REFERENCING OLD TABLE AS older FOR EACH STATEMENT EXECUTE FUNCTION conversation_counts_move();
-- end only


-- only postgres
-- what stands within a name or an address; without the right to add the extension a search reads them all
-- +goose StatementBegin
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX contacts_letters ON contacts USING gin (LOWER(name) gin_trgm_ops);
    CREATE INDEX identities_letters ON identities USING gin (value gin_trgm_ops);
    CREATE INDEX leads_letters ON leads USING gin (LOWER(title) gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE NOTICE 'pg_trgm is not there';
END $$;
-- +goose StatementEnd
-- end only
