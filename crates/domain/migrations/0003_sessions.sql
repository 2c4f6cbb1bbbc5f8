-- The sessions of accounts at their identity providers. `tokens` is sealed with a key that is not in this database;
-- `key_store` says where that key is. `refresh_at` is in milliseconds since 1970, null when nothing can be refreshed.
CREATE TABLE sessions (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    key_store TEXT NOT NULL,
    tokens BLOB NOT NULL,
    refresh_at BIGINT
);

-- What is owed to identity providers and must survive a restart: sessions that ended here, whose tokens are to be
-- revoked there. The tokens are those of `sessions`; their user may be gone.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    key_store TEXT NOT NULL,
    tokens BLOB NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);
