-- 10_configuration.sql
--
-- Properties of the catalog, its seat in this cluster, and what the master
-- says of itself.

-- What the script inserts must not be in a table that pg_dump writes out, or a
-- restore would insert it twice: defaults here, changed values in the other.
CREATE TABLE internal.catalog_property_default (
	property_name text PRIMARY KEY,
	property_value text NOT NULL
);
COMMENT ON TABLE internal.catalog_property_default IS 'Defaults of the catalog properties; constant';

INSERT INTO internal.catalog_property_default (property_name, property_value) VALUES
	('DEFAULT_EXECUTION_MODE', '0'),
	('ENCRYPTION_ALGORITHM', 'AES_256'),
	('MAX_PROJECT_VERSIONS', '10'),
	('OPERATION_CLEANUP_ENABLED', 'TRUE'),
	('RETENTION_WINDOW', '365'),
	('SCHEMA_BUILD', '0.1.0'),
	('SCHEMA_VERSION', '1'),
	('SERVER_LOGGING_LEVEL', '1'),
	('SERVER_OPERATION_ENCRYPTION_LEVEL', '1'),
	('VALIDATION_TIMEOUT', '300'),
	('VERSION_CLEANUP_ENABLED', 'TRUE');

CREATE TABLE internal.catalog_property (
	property_name text PRIMARY KEY,
	property_value text NOT NULL
);
COMMENT ON TABLE internal.catalog_property IS 'Catalog properties that differ from their defaults; written by enable_scaleout and disable_scaleout';

CREATE VIEW internal.effective_property AS
	SELECT d.property_name, coalesce(p.property_value, d.property_value) AS property_value
	  FROM internal.catalog_property_default d LEFT JOIN internal.catalog_property p USING (property_name)
	UNION ALL
	SELECT p.property_name, p.property_value
	  FROM internal.catalog_property p
	 WHERE NOT EXISTS (SELECT 1 FROM internal.catalog_property_default d WHERE d.property_name = p.property_name);
COMMENT ON VIEW internal.effective_property IS 'Catalog properties as they apply';

-- System identifier and database tell a restored or cloned catalog, the token
-- (also in a file outside the data directory) tells a physical copy.
CREATE TABLE internal.binding (
	only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
	system_identifier bigint NOT NULL,
	database_oid oid NOT NULL,
	token uuid NOT NULL,
	enabled boolean NOT NULL,
	enabled_time timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	enabled_by name NOT NULL
);
COMMENT ON TABLE internal.binding IS 'Which cluster and database this catalog belongs to; written by enable_scaleout and disable_scaleout, read by the master';

CREATE TABLE internal.master_state (
	only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
	epoch bigint NOT NULL,
	timeline integer,
	started_time timestamptz,
	last_online_time timestamptz,
	master_address text,
	host text,
	ip text,
	port integer,
	thumbprint text,
	message text,
	set_address text,
	announced_version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE internal.master_state IS 'What the master says of itself; the first master inserts the row, masters only write it';
COMMENT ON COLUMN internal.master_state.master_address IS 'By the settings of this server; what is shown and announced is set_address when there is one';
COMMENT ON COLUMN internal.master_state.set_address IS 'By update_master_address; outlives failovers';
COMMENT ON COLUMN internal.master_state.announced_version IS 'Version of the announcement to workers that a change of the address made; see internal.announced_version';
COMMENT ON COLUMN internal.master_state.message IS 'Why the master is not serving, when it is not';
