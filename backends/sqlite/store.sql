-- What SQLite says differently of src/store/store.sql.

-- name: actor_set
-- nothing

-- name: actor_and_timeout_set
-- nothing

-- name: topic_notify
-- nothing
