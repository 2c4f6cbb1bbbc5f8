-- What a device knows of its accounts at its cloud. `session` tells this sign-in from the person's others there; `document`
-- is the profile as the cloud showed it last, as JSON; `checked_in_at` is in milliseconds since 1970.
CREATE TABLE cloud_accounts (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    session TEXT NOT NULL,
    document TEXT,
    checked_in_at BIGINT
);

-- Edits made on this device that the cloud has not acknowledged, in their order.
CREATE TABLE queued_edits (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    members TEXT NOT NULL,
    PRIMARY KEY (user_id, place)
);

-- The session to end at the cloud together with the one that is owed to its identity provider.
ALTER TABLE outbox ADD COLUMN cloud_session TEXT;
