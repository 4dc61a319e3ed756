-- Idempotent: a second run, or a takeover by another worker, begins here again.
SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('warehouse'));
CREATE SCHEMA IF NOT EXISTS stage;
CREATE SCHEMA IF NOT EXISTS mart;
DROP TABLE IF EXISTS stage.package;
CREATE UNLOGGED TABLE stage.package (
    package text, version text, architecture text, section text, priority text, maintainer text,
    installed_size_kb bigint, size_bytes bigint, depends text, description text);
CREATE TABLE IF NOT EXISTS mart.dimension_section (
    section_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, area text NOT NULL, section text NOT NULL,
    UNIQUE (area, section));
CREATE TABLE IF NOT EXISTS mart.dimension_maintainer (
    maintainer_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, maintainer text NOT NULL UNIQUE, email text);
CREATE TABLE IF NOT EXISTS mart.dependency (
    package text NOT NULL, version text NOT NULL, needs text NOT NULL, PRIMARY KEY (package, version, needs));
CREATE TABLE IF NOT EXISTS mart.fact_package (
    package text NOT NULL, version text NOT NULL, architecture text NOT NULL, section_id integer NOT NULL,
    maintainer_id integer NOT NULL, installed_size_kb bigint, size_bytes bigint, dependency_count integer NOT NULL,
    PRIMARY KEY (package, version, architecture));
