-- One person. `document` is the profile as JSON without what is composed at reading (entities, subscriptions).
-- `username` and `email` are its members in lower case, for look-ups; `updated_at` is in milliseconds since 1970.
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    beta TEXT NOT NULL,
    revision BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    username TEXT UNIQUE,
    email TEXT
);
CREATE INDEX users_by_email ON users (email);

-- This device: its id, who is current, and how often that changed.
CREATE TABLE device (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    os TEXT NOT NULL,
    generation BIGINT NOT NULL,
    current_user_id TEXT REFERENCES users (id) ON DELETE SET NULL
);

-- The writable members of the last revisions: the bases of merges.
CREATE TABLE user_revisions (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    revision BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    members TEXT NOT NULL,
    PRIMARY KEY (user_id, revision)
);

-- The accounts this device keeps. `selected_at` is the generation in which one was current last.
CREATE TABLE accounts (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    is_local BOOLEAN NOT NULL,
    selected_at BIGINT NOT NULL
);

-- The names a user has at identity providers; issuer `local` for names that only ever were told to this device.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
);

-- Who belongs to which organisation or team beyond what a policy file lists.
CREATE TABLE memberships (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    entity_id TEXT NOT NULL,
    PRIMARY KEY (user_id, entity_id)
);

-- The applications that introduced themselves; `descriptor` is empty where an application gave none.
CREATE TABLE applications (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    descriptor TEXT NOT NULL,
    document TEXT NOT NULL,
    UNIQUE (name, descriptor)
);
