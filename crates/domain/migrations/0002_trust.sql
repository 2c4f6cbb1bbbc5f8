-- What a person decided of the pages of an origin; `decided_at` is in milliseconds since 1970.
CREATE TABLE origins (
    origin TEXT PRIMARY KEY,
    is_allowed BOOLEAN NOT NULL,
    decided_at BIGINT NOT NULL
);

-- Who did what. `id` is a uuid that grows with time; `at` is in milliseconds since 1970. Rows outlive what they name.
CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    user_id TEXT,
    application_id TEXT,
    origin TEXT,
    subject TEXT
);

-- When an application was kept from reading tokens; absent while it is not.
ALTER TABLE applications ADD COLUMN revoked_at BIGINT;
