//! The table, and what is said to it. The database's clock counts, in milliseconds since 1970.

/// Makes the table where it is missing.
pub const TABLE: &str = "CREATE TABLE IF NOT EXISTS eda_events (
    consumer_group text COLLATE \"C\" NOT NULL,
    event_id       text COLLATE \"C\" NOT NULL,
    state          text NOT NULL CHECK (state IN ('claimed', 'done')),
    token          bigint NOT NULL DEFAULT 0,
    lease_until_ms bigint NOT NULL DEFAULT 0,
    expires_at_ms  bigint NOT NULL,
    PRIMARY KEY (consumer_group, event_id)
);
CREATE INDEX IF NOT EXISTS eda_events_expiry ON eda_events (expires_at_ms);";

/// Whether the table is there, and each of the rights to it.
pub const RIGHTS: &str =
    "SELECT has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
    AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')
FROM (SELECT to_regclass('eda_events')::oid AS oid) AS named WHERE oid IS NOT NULL";

/// $1 group, $2 event, $3 token, $4 lease, $5 memory. One row: `ours`, or the state as it is and how long it is
/// somebody's; none when somebody else inserts it at this moment.
pub const CLAIM: &str = "
WITH clock AS (
    SELECT (extract(epoch FROM now()) * 1000)::bigint AS now_ms
), taken AS (
    INSERT INTO eda_events AS known
        (consumer_group, event_id, state, token, lease_until_ms, expires_at_ms)
    SELECT $1, $2, 'claimed', $3, now_ms + $4, now_ms + greatest($4, $5)
    FROM clock
    ON CONFLICT (consumer_group, event_id) DO UPDATE SET
        state = 'claimed', token = excluded.token,
        lease_until_ms = excluded.lease_until_ms, expires_at_ms = excluded.expires_at_ms
    WHERE CASE known.state WHEN 'done' THEN known.expires_at_ms ELSE known.lease_until_ms END
            <= excluded.lease_until_ms - $4
        OR (known.state = 'claimed' AND known.token = excluded.token)
    RETURNING 'ours' AS state
)
SELECT state, 0::bigint FROM taken
UNION ALL
SELECT state, lease_until_ms - now_ms FROM eda_events, clock
WHERE consumer_group = $1 AND event_id = $2 AND NOT EXISTS (SELECT FROM taken)";

/// A row that is gone was taken over and given back, or forgotten: nobody else's, so it is ours again.
pub const RENEW: &str = "
WITH clock AS (
    SELECT (extract(epoch FROM now()) * 1000)::bigint AS now_ms
)
INSERT INTO eda_events AS known
    (consumer_group, event_id, state, token, lease_until_ms, expires_at_ms)
SELECT $1, $2, 'claimed', $3, now_ms + $4, now_ms + greatest($4, $5)
FROM clock
ON CONFLICT (consumer_group, event_id) DO UPDATE SET
    lease_until_ms = excluded.lease_until_ms, expires_at_ms = excluded.expires_at_ms
WHERE known.state = 'claimed' AND known.token = excluded.token
RETURNING state, 0::bigint";

/// $4 memory.
pub const DONE: &str = "
WITH clock AS (SELECT (extract(epoch FROM now()) * 1000)::bigint AS now_ms)
INSERT INTO eda_events AS known
    (consumer_group, event_id, state, token, lease_until_ms, expires_at_ms)
SELECT $1, $2, 'done', $3, now_ms, now_ms + $4 FROM clock
ON CONFLICT (consumer_group, event_id) DO UPDATE SET
    state = 'done', expires_at_ms = excluded.expires_at_ms
WHERE known.state = 'done' OR known.token = excluded.token
RETURNING state, 0::bigint";

/// Everything that was answered on the connection before is on the disk when this is: it writes a word to the log, and
/// waits for it.
pub const FLUSH: &str = "
SELECT set_config('synchronous_commit', 'on', true), pg_logical_emit_message(true, 'eda', '')";

pub const RELEASE: &str = "
DELETE FROM eda_events
WHERE consumer_group = $1 AND event_id = $2 AND state = 'claimed' AND token = $3";

/// $1 how many at most. What somebody's transaction has hold of is left for another time.
pub const FORGET: &str = "
DELETE FROM eda_events WHERE (consumer_group, event_id) IN (
    SELECT consumer_group, event_id FROM eda_events
    WHERE expires_at_ms <= (extract(epoch FROM now()) * 1000)::bigint
    ORDER BY expires_at_ms LIMIT $1 FOR UPDATE SKIP LOCKED)";
