-- +goose Up
-- Times are unix milliseconds, lists and maps are JSON text, '' stands for "none" in ids.

CREATE TABLE installation (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    epoch      TEXT   NOT NULL, -- of the event log; a restore makes a new one
    created_at BIGINT NOT NULL
);

-- staff

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    email         TEXT NOT NULL,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL,
    password_hash TEXT NOT NULL DEFAULT '',
    availability  TEXT NOT NULL DEFAULT 'offline',
    settings      TEXT NOT NULL DEFAULT '{}',
    disabled      BOOLEAN NOT NULL DEFAULT FALSE,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX users_email ON users (email);

CREATE TABLE teams (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX teams_name ON teams (name);

CREATE TABLE team_members (
    team_id TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_user ON team_members (user_id);

CREATE TABLE sessions (
    hash         TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_agent   TEXT NOT NULL DEFAULT '',
    address      TEXT NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE tokens (
    id           TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    hash         TEXT NOT NULL,
    scopes       TEXT NOT NULL DEFAULT '[]',
    last_used_at BIGINT NOT NULL DEFAULT 0,
    expires_at   BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX tokens_hash ON tokens (hash);
CREATE INDEX tokens_user ON tokens (user_id);

CREATE TABLE password_links (
    hash       TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE idempotency (
    user_id     TEXT NOT NULL,
    key         TEXT NOT NULL,
    route       TEXT NOT NULL,
    hash        TEXT NOT NULL,
    resource_id TEXT NOT NULL DEFAULT '',
    status      INTEGER NOT NULL DEFAULT 0,
    body        TEXT NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

-- event log

CREATE TABLE event_head (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL
);
INSERT INTO event_head (id, seq) VALUES (1, 0);

CREATE TABLE events (
    seq             BIGINT PRIMARY KEY,
    id              TEXT   NOT NULL,
    type            TEXT   NOT NULL,
    at              BIGINT NOT NULL,
    conversation_id TEXT   NOT NULL DEFAULT '',
    audience        TEXT   NOT NULL,            -- who may see it
    before          TEXT   NOT NULL DEFAULT '', -- who could see the conversation until now, when that changed
    frame           TEXT   NOT NULL             -- as it goes over the wire
);

-- jobs

CREATE TABLE jobs (
    id          @SERIAL@,
    queue       TEXT NOT NULL,
    kind        TEXT NOT NULL,
    unique_key  TEXT NOT NULL DEFAULT '',
    lane        TEXT NOT NULL DEFAULT '',
    payload     TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'ready', -- ready, running, done, dead
    attempt     INTEGER NOT NULL DEFAULT 0,
    run_at      BIGINT NOT NULL,
    lease_until BIGINT NOT NULL DEFAULT 0,
    locked_by   TEXT NOT NULL DEFAULT '',
    last_error  TEXT NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    finished_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX jobs_ready ON jobs (run_at, id) WHERE state = 'ready';
CREATE INDEX jobs_running ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_lane ON jobs (lane, id) WHERE lane <> '' AND state IN ('ready', 'running');
CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key) WHERE unique_key <> '' AND state IN ('ready', 'running');
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE state = 'done';

CREATE TABLE nodes (
    id         TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL,
    beat_at    BIGINT NOT NULL
);

-- channels

CREATE TABLE channels (
    id              TEXT PRIMARY KEY,
    type            TEXT NOT NULL,
    name            TEXT NOT NULL,
    config          TEXT NOT NULL DEFAULT '{}', -- without its secrets
    secrets         TEXT NOT NULL DEFAULT '',   -- sealed JSON, path → value
    disabled        BOOLEAN NOT NULL DEFAULT FALSE,
    state           TEXT NOT NULL DEFAULT 'connecting',
    state_detail    TEXT NOT NULL DEFAULT '',
    lease_owner     TEXT NOT NULL DEFAULT '',
    lease_until     BIGINT NOT NULL DEFAULT 0,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL DEFAULT 1
);

CREATE TABLE channel_cursors (
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    value      TEXT NOT NULL,
    PRIMARY KEY (channel_id, name)
);

CREATE TABLE journal (
    id              TEXT PRIMARY KEY,
    channel_id      TEXT NOT NULL,
    item_key        TEXT NOT NULL,
    state           TEXT NOT NULL, -- processed, duplicate, quarantined, rejected
    reason          TEXT NOT NULL DEFAULT '',
    raw             @BYTES@,
    raw_type        TEXT NOT NULL DEFAULT '',
    raw_blob        TEXT NOT NULL DEFAULT '', -- key of a blob, when it is too large for a row
    raw_hash        TEXT NOT NULL DEFAULT '', -- SHA-256, hex
    message_id      TEXT NOT NULL DEFAULT '',
    conversation_id TEXT NOT NULL DEFAULT '',
    contact_id      TEXT NOT NULL DEFAULT '',
    received_at     BIGINT NOT NULL
);
CREATE UNIQUE INDEX journal_key ON journal (channel_id, item_key);
CREATE INDEX journal_hash ON journal (channel_id, raw_hash);
CREATE INDEX journal_time ON journal (received_at, id);
CREATE INDEX journal_channel ON journal (channel_id, received_at);
CREATE INDEX journal_trouble ON journal (received_at, id) WHERE state <> 'processed';

-- crm

CREATE TABLE contacts (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL DEFAULT '',
    company_id TEXT NOT NULL DEFAULT '',
    owner_id   TEXT NOT NULL DEFAULT '',
    labels     TEXT NOT NULL DEFAULT '[]',
    fields     TEXT NOT NULL DEFAULT '{}',
    consent    TEXT NOT NULL DEFAULT '{}',
    locale     TEXT NOT NULL DEFAULT '',
    merged_into TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX contacts_time ON contacts (created_at, id);

CREATE TABLE identities (
    id         TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL, -- normalised
    scope      TEXT NOT NULL DEFAULT '', -- '': whoever has it anywhere; a channel's id: only there
    trust      TEXT NOT NULL,
    channel_id TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX identities_value ON identities (kind, value, scope);
CREATE INDEX identities_contact ON identities (contact_id);

CREATE TABLE pipelines (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    is_default BOOLEAN NOT NULL DEFAULT FALSE,
    position   INTEGER NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX pipelines_default ON pipelines (is_default) WHERE is_default;

CREATE TABLE stages (
    id          TEXT PRIMARY KEY,
    pipeline_id TEXT NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    position    INTEGER NOT NULL,
    kind        TEXT NOT NULL DEFAULT 'open' -- open, won, lost
);
CREATE INDEX stages_pipeline ON stages (pipeline_id, position);

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('conversation', 0), ('lead', 0);

CREATE TABLE leads (
    id              TEXT PRIMARY KEY,
    number          BIGINT NOT NULL,
    title           TEXT NOT NULL,
    pipeline_id     TEXT NOT NULL REFERENCES pipelines (id),
    stage_id        TEXT NOT NULL REFERENCES stages (id),
    contact_id      TEXT NOT NULL REFERENCES contacts (id),
    conversation_id TEXT NOT NULL DEFAULT '',
    owner_id        TEXT NOT NULL DEFAULT '',
    source          TEXT NOT NULL DEFAULT '{}',
    temperature     TEXT NOT NULL DEFAULT 'cold',
    score           INTEGER NOT NULL DEFAULT 0,
    amount          TEXT NOT NULL DEFAULT '', -- decimal, '' for none
    currency        TEXT NOT NULL DEFAULT '',
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX leads_number ON leads (number);
CREATE INDEX leads_contact ON leads (contact_id);
CREATE INDEX leads_time ON leads (created_at, id);

-- inbox

CREATE TABLE conversations (
    id              TEXT PRIMARY KEY,
    number          BIGINT NOT NULL,
    status          TEXT NOT NULL DEFAULT 'open', -- open, pending, snoozed, resolved
    priority        TEXT NOT NULL DEFAULT 'normal',
    subject         TEXT NOT NULL DEFAULT '',
    channel_id      TEXT NOT NULL REFERENCES channels (id),
    channel_type    TEXT NOT NULL,
    contact_id      TEXT NOT NULL REFERENCES contacts (id),
    lead_id         TEXT NOT NULL DEFAULT '',
    assignee_id     TEXT NOT NULL DEFAULT '',
    team_id         TEXT NOT NULL DEFAULT '',
    labels          TEXT NOT NULL DEFAULT '[]',
    unread_count    INTEGER NOT NULL DEFAULT 0,
    thread_key      TEXT NOT NULL DEFAULT '',
    reply_token     TEXT NOT NULL,
    peer_kind       TEXT NOT NULL DEFAULT '', -- the identity that answers go to
    peer            TEXT NOT NULL DEFAULT '',
    peer_name       TEXT NOT NULL DEFAULT '',
    match_how       TEXT NOT NULL DEFAULT '',
    match_evidence  TEXT NOT NULL DEFAULT '',
    last_id         TEXT NOT NULL DEFAULT '',
    last_preview    TEXT NOT NULL DEFAULT '',
    last_direction  TEXT NOT NULL DEFAULT '',
    last_at         BIGINT NOT NULL DEFAULT 0,
    activity_at     BIGINT NOT NULL,
    waiting_since   BIGINT NOT NULL DEFAULT 0,
    snoozed_until   BIGINT NOT NULL DEFAULT 0,
    last_seq        BIGINT NOT NULL DEFAULT 0,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX conversations_number ON conversations (number);
CREATE UNIQUE INDEX conversations_thread ON conversations (channel_id, thread_key) WHERE thread_key <> '';
CREATE UNIQUE INDEX conversations_token ON conversations (reply_token);
CREATE INDEX conversations_activity ON conversations (activity_at, id);
CREATE INDEX conversations_status ON conversations (status, activity_at, id);
CREATE INDEX conversations_assignee ON conversations (assignee_id, status, activity_at, id);
CREATE INDEX conversations_team ON conversations (team_id, status, activity_at, id);
CREATE INDEX conversations_channel ON conversations (channel_id, activity_at, id);
CREATE INDEX conversations_contact ON conversations (contact_id);
CREATE INDEX conversations_snoozed ON conversations (snoozed_until) WHERE status = 'snoozed';

CREATE TABLE messages (
    n               @SERIAL@, -- the order within a thread, and the row of the full-text index
    id              TEXT NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    contact_id      TEXT NOT NULL DEFAULT '',
    channel_id      TEXT NOT NULL DEFAULT '',
    direction       TEXT NOT NULL, -- inbound, outbound, note, activity
    kind            TEXT NOT NULL DEFAULT 'text',
    subject         TEXT NOT NULL DEFAULT '',
    body_text       TEXT NOT NULL DEFAULT '',
    body_html       TEXT NOT NULL DEFAULT '',
    headers         TEXT NOT NULL DEFAULT '{}',
    author_type     TEXT NOT NULL,
    author_id       TEXT NOT NULL DEFAULT '',
    author_name     TEXT NOT NULL DEFAULT '',
    status          TEXT NOT NULL, -- received, queued, sending, sent, delivered, read, failed, unknown, cancelled
    error           TEXT NOT NULL DEFAULT '',
    attempt         INTEGER NOT NULL DEFAULT 0,
    send_at         BIGINT NOT NULL DEFAULT 0,
    provider_id     TEXT NOT NULL DEFAULT '',
    call_id         TEXT NOT NULL DEFAULT '',
    reply_to        TEXT NOT NULL DEFAULT '', -- id of the message it answers
    auto            TEXT NOT NULL DEFAULT '',
    edits           TEXT NOT NULL DEFAULT '[]',
    seq             BIGINT NOT NULL DEFAULT 0, -- its position in the event log
    deleted_at      BIGINT NOT NULL DEFAULT 0,
    attachments     INTEGER NOT NULL DEFAULT 0,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX messages_id ON messages (id);
CREATE INDEX messages_thread ON messages (conversation_id, created_at, n);
CREATE INDEX messages_provider ON messages (channel_id, provider_id) WHERE provider_id <> '';

CREATE TABLE attachments (
    id          TEXT PRIMARY KEY,
    message_id  TEXT NOT NULL,
    position    INTEGER NOT NULL DEFAULT 0,
    name        TEXT NOT NULL,
    mime_type   TEXT NOT NULL,
    size        BIGINT NOT NULL DEFAULT 0,
    blob_key    TEXT NOT NULL DEFAULT '',
    sha256      TEXT NOT NULL DEFAULT '',
    cid         TEXT NOT NULL DEFAULT '',
    inline_part BOOLEAN NOT NULL DEFAULT FALSE,
    state       TEXT NOT NULL DEFAULT 'ready', -- ready, pending, failed
    problem     TEXT NOT NULL DEFAULT '',
    fetch_ref   TEXT NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL
);
CREATE INDEX attachments_message ON attachments (message_id, position);

CREATE TABLE uploads (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    name       TEXT NOT NULL,
    mime_type  TEXT NOT NULL,
    size       BIGINT NOT NULL,
    blob_key   TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE calls (
    id              TEXT PRIMARY KEY,
    channel_id      TEXT NOT NULL,
    provider_call   TEXT NOT NULL,
    outcome         TEXT NOT NULL DEFAULT '',
    direction       TEXT NOT NULL,
    state           TEXT NOT NULL,
    from_number     TEXT NOT NULL DEFAULT '',
    to_number       TEXT NOT NULL DEFAULT '',
    extension       TEXT NOT NULL DEFAULT '',
    contact_id      TEXT NOT NULL DEFAULT '',
    conversation_id TEXT NOT NULL DEFAULT '',
    lead_id         TEXT NOT NULL DEFAULT '',
    agent_id        TEXT NOT NULL DEFAULT '',
    message_id      TEXT NOT NULL DEFAULT '',
    started_at      BIGINT NOT NULL DEFAULT 0,
    answered_at     BIGINT NOT NULL DEFAULT 0,
    ended_at        BIGINT NOT NULL DEFAULT 0,
    talk_seconds    INTEGER NOT NULL DEFAULT 0,
    hangup_cause    TEXT NOT NULL DEFAULT '',
    rec_state       TEXT NOT NULL DEFAULT 'none', -- none, pending, ready, failed
    rec_problem     TEXT NOT NULL DEFAULT '',
    rec_ref         TEXT NOT NULL DEFAULT '',
    rec_blob        TEXT NOT NULL DEFAULT '',
    rec_sha256      TEXT NOT NULL DEFAULT '',
    rec_mime        TEXT NOT NULL DEFAULT '',
    rec_size        BIGINT NOT NULL DEFAULT 0,
    rec_ms          BIGINT NOT NULL DEFAULT 0,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX calls_key ON calls (channel_id, provider_call);
CREATE INDEX calls_time ON calls (started_at, id);
CREATE INDEX calls_conversation ON calls (conversation_id);

CREATE TABLE call_events (
    n       @SERIAL@,
    call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    event   TEXT NOT NULL, -- connectors.CallEvent as JSON
    at      BIGINT NOT NULL
);
CREATE INDEX call_events_call ON call_events (call_id, n);

-- full text

-- only sqlite
CREATE VIRTUAL TABLE messages_fts USING fts5 (subject, body_text, content = 'messages', content_rowid = 'n', tokenize = 'unicode61 remove_diacritics 2');
-- +goose StatementBegin
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages BEGIN
    INSERT INTO messages_fts (rowid, subject, body_text) VALUES (new.n, new.subject, new.body_text);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER messages_fts_update AFTER UPDATE OF subject, body_text ON messages BEGIN
    INSERT INTO messages_fts (messages_fts, rowid, subject, body_text) VALUES ('delete', old.n, old.subject, old.body_text);
    INSERT INTO messages_fts (rowid, subject, body_text) VALUES (new.n, new.subject, new.body_text);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER messages_fts_delete AFTER DELETE ON messages BEGIN
    INSERT INTO messages_fts (messages_fts, rowid, subject, body_text) VALUES ('delete', old.n, old.subject, old.body_text);
END;
-- +goose StatementEnd
-- end only
-- only postgres
-- punctuation parts words here as it does in FTS5, so that the same question finds the same on both
ALTER TABLE messages ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector('simple', translate(left(subject || ' ' || body_text, 100000), '-_./@+:;,!?()[]{}"''#*=<>|\~&%$^', '                                  '))) STORED;
CREATE INDEX messages_words ON messages USING gin (words);
-- end only

-- +goose Down
SELECT 1;
