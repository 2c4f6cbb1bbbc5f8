-- What a cloud keeps beside people. `refused_before`: tokens of the session that were issued by then are refused, in
-- milliseconds since 1970; the largest number there is for a session that was ended for good.
CREATE TABLE user_sessions (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    agent TEXT,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    refused_before BIGINT,
    PRIMARY KEY (user_id, id)
);

-- Organisations and teams. `document` is the entity as JSON without its members.
CREATE TABLE entities (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    revision BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
ALTER TABLE memberships ADD COLUMN is_admin BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX memberships_by_entity ON memberships (entity_id);

-- Accounts their owners asked to delete, until it is done. `due_at` is when the time to change one's mind is over.
CREATE TABLE deletions (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    receipt TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);
CREATE INDEX deletions_by_due ON deletions (due_at);

-- What became of a request to delete. Names nobody, so that it can stay.
CREATE TABLE receipts (
    id TEXT PRIMARY KEY,
    requested_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    ended_at BIGINT,
    state TEXT NOT NULL
);

CREATE INDEX audit_by_user ON audit (user_id, id);
CREATE INDEX identities_by_user ON identities (user_id);
