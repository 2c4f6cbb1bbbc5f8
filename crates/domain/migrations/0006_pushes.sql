-- What tells a queued edit from every other (`Idempotency-Key`), so that a cloud takes it once however often it is sent.
ALTER TABLE queued_edits ADD COLUMN id TEXT NOT NULL DEFAULT '';
UPDATE queued_edits SET id = user_id || '-' || place;

-- At a cloud: the edit each device of a session pushed last. One at a time is on its way, so the last one is enough.
CREATE TABLE pushed_edits (
    user_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    device TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (user_id, session_id, device),
    FOREIGN KEY (user_id, session_id) REFERENCES user_sessions (user_id, id) ON DELETE CASCADE
);
