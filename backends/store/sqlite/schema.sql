-- The SQLite schema, version 1. Increment SCHEMA_VERSION (store/__init__.py) with each change to a table, an index or a
-- planner statistic.
--
-- Times are epoch milliseconds. Narrow tables are WITHOUT ROWID, so that rows are stored in the primary key index. Wide
-- rows, such as records, would spill to overflow pages. Client tokens arrive in random order, and an index of keys alone
-- has fewer pages to change.

CREATE TABLE model_package_groups (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_version INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT;
CREATE INDEX idx_model_package_groups_account_region_created_name
    ON model_package_groups (account, region, created, name);

CREATE TABLE model_packages (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    type TEXT NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    approval TEXT NOT NULL,
    rev INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (account, region, name, version)
) STRICT;
CREATE INDEX idx_model_packages_account_region_type_created_name_version
    ON model_packages (account, region, type, created, name, version);
CREATE INDEX idx_model_packages_account_region_created_name_version
    ON model_packages (account, region, created, name, version);
CREATE INDEX idx_model_packages_account_region_modified_name_version
    ON model_packages (account, region, modified, name, version);
-- Versions with an approval status across all groups, oldest first.
CREATE INDEX idx_model_packages_account_region_approval_created_name_version
    ON model_packages (account, region, approval, created, name, version);
-- The newest version of a group with a given approval status.
CREATE INDEX idx_model_packages_account_region_name_approval_version
    ON model_packages (account, region, name, approval, version);

CREATE TABLE search_terms (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    value TEXT NOT NULL,
    moment INTEGER NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (account, region, kind, path, value, moment, name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE client_tokens (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    operation TEXT NOT NULL,
    token TEXT NOT NULL,
    created INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    digest TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (account, region, operation, token)
) STRICT;
CREATE INDEX idx_client_tokens_account_region_created
    ON client_tokens (account, region, created);

-- By region first, because groups shared by other accounts are looked up within a region.
CREATE TABLE group_policies (
    region TEXT NOT NULL,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    rev INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (region, account, name)
) STRICT;

CREATE TABLE history (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    principal TEXT NOT NULL,
    request_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    kind TEXT NOT NULL,
    arn TEXT NOT NULL,
    version INTEGER NOT NULL,
    content TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (account, region, name, seq)
) STRICT;
CREATE INDEX idx_history_account_region_at_name_seq
    ON history (account, region, at, name, seq);
CREATE INDEX idx_history_account_region_name_version_seq
    ON history (account, region, name, version, seq);

CREATE TABLE history_heads (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    rev INTEGER NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (account, region, name, seq)
) STRICT;
CREATE INDEX idx_events_position
    ON events (position);
CREATE INDEX idx_events_account_region_position
    ON events (account, region, position);
CREATE INDEX idx_events_account_region_name_position_version
    ON events (account, region, name, position, version);

CREATE TABLE event_notes (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (account, region, name, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_cursors (
    name TEXT PRIMARY KEY NOT NULL,
    position INTEGER NOT NULL,
    rev INTEGER NOT NULL
) STRICT;

CREATE TABLE event_deliveries (
    position INTEGER NOT NULL,
    sink TEXT NOT NULL,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    id TEXT NOT NULL,
    open INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    error TEXT NOT NULL,
    rev INTEGER NOT NULL,
    PRIMARY KEY (position, sink)
) STRICT;
CREATE INDEX idx_event_deliveries_sink_open_position
    ON event_deliveries (sink, open, position);
CREATE INDEX idx_event_deliveries_account_region_position_sink
    ON event_deliveries (account, region, position, sink);
CREATE INDEX idx_event_deliveries_account_region_state_position_sink
    ON event_deliveries (account, region, state, position, sink);

-- Fixed statistics for the query planner: a registry with 1,000,000 versions in 100,000 groups, up to 1,000 per group,
-- regardless of the file's content. Without statistics, SQLite assumes that each index column is equally selective; since
-- most rows may belong to one account and region, it would sort a million events for a page of twenty. Statistics that
-- ANALYZE measures would change query plans as a registry grows; these keep them the same for every registry. Each row
-- has a table, an index and row counts: in total, then per distinct value of the first one, two, three, ... columns.
-- The first ANALYZE only creates sqlite_stat1; the last one makes SQLite load it.
ANALYZE sqlite_master;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 VALUES
    ('model_package_groups', 'sqlite_autoindex_model_package_groups_1', '100000 25000 12500 1'),
    ('model_package_groups', 'idx_model_package_groups_account_region_created_name', '100000 25000 12500 2 1'),
    ('model_packages', 'sqlite_autoindex_model_packages_1', '1000000 250000 125000 1000 1'),
    ('model_packages', 'idx_model_packages_account_region_type_created_name_version',
        '1000000 250000 125000 100000 2 2 1'),
    ('model_packages', 'idx_model_packages_account_region_created_name_version', '1000000 250000 125000 2 2 1'),
    ('model_packages', 'idx_model_packages_account_region_approval_created_name_version',
        '1000000 250000 125000 50000 2 2 1'),
    ('model_packages', 'idx_model_packages_account_region_name_approval_version', '1000000 250000 125000 1000 250 1'),
    ('model_packages', 'idx_model_packages_account_region_modified_name_version', '1000000 250000 125000 2 2 1'),
    ('history', 'sqlite_autoindex_history_1', '1000000 250000 125000 1000 1'),
    ('history', 'idx_history_account_region_at_name_seq', '1000000 250000 125000 2 2 1'),
    ('history', 'idx_history_account_region_name_version_seq', '1000000 250000 125000 1000 2 1'),
    ('history_heads', 'history_heads', '100000 25000 12500 1'),
    ('event_notes', 'event_notes', '1000000 250000 125000 1000 1'),
    ('events', 'sqlite_autoindex_events_1', '1000000 250000 125000 1000 1'),
    ('events', 'idx_events_position', '1000000 1'),
    ('events', 'idx_events_account_region_position', '1000000 250000 125000 1'),
    ('events', 'idx_events_account_region_name_position_version', '1000000 250000 125000 1000 1 1'),
    ('event_deliveries', 'sqlite_autoindex_event_deliveries_1', '1000000 2 1'),
    ('event_deliveries', 'idx_event_deliveries_sink_open_position', '1000000 500000 250000 1'),
    ('event_deliveries', 'idx_event_deliveries_account_region_position_sink', '1000000 250000 125000 2 1'),
    ('event_deliveries', 'idx_event_deliveries_account_region_state_position_sink',
        '1000000 250000 125000 50000 2 1'),
    ('client_tokens', 'sqlite_autoindex_client_tokens_1', '1000 250 125 125 1'),
    ('client_tokens', 'idx_client_tokens_account_region_created', '1000 250 125 1');
ANALYZE sqlite_master;
