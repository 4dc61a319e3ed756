-- Switching off, and out.
\set SHOW_CONTEXT never
SELECT * FROM catalog.disable_scaleout();
SELECT * FROM catalog.disable_scaleout();
SELECT enabled FROM internal.binding;
SELECT count(*) FROM pg_shseclabel WHERE provider = 'scaleout';
SELECT count(*) FROM catalog.master_properties;
SELECT property_name FROM catalog.catalog_properties WHERE property_name IN ('IS_SCALEOUT_ENABLED', 'DEFAULT_EXECUTION_MODE');
SELECT step, result FROM catalog.enable_scaleout() WHERE step IN ('binding', 'master');
-- DROP EXTENSION takes the mark away with the catalog; roles stay.
BEGIN;
SET LOCAL client_min_messages = warning;
DROP EXTENSION scaleout CASCADE;
SELECT count(*) FROM pg_shseclabel WHERE provider = 'scaleout';
ROLLBACK;
SELECT count(*) FROM pg_shseclabel WHERE provider = 'scaleout';
SET client_min_messages = warning;
DROP EXTENSION scaleout CASCADE;
SELECT count(*) AS labels FROM pg_shseclabel WHERE provider = 'scaleout';
SELECT nspname FROM pg_namespace WHERE nspname IN ('catalog', 'internal');
DROP DATABASE scaleout_second;
