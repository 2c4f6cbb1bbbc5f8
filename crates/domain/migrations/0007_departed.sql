-- At a cloud: digests of the identities and sessions of accounts that were deleted, so that no program brings one back.
CREATE TABLE departed (
    key TEXT NOT NULL PRIMARY KEY,
    left_at BIGINT NOT NULL
);
