#!/bin/sh
# Builds aggregates; the data of the fourth month divides by zero; when it is corrected the second run goes on with it.
# Needs a PostgreSQL database: the one that libpq's environment (PGHOST, PGDATABASE ...) leads to; the example makes and
# drops the schema example_aggregations. SCALEOUT is the program (default: scaleout in PATH).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scaleout=${SCALEOUT:-scaleout}
work=$(mktemp -d)
trap 'psql -qX -c "SET client_min_messages = warning; DROP SCHEMA IF EXISTS example_aggregations CASCADE"; rm -rf "$work"' EXIT

psql -qX -v ON_ERROR_STOP=1 <<'SQL'
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS example_aggregations CASCADE;
CREATE SCHEMA example_aggregations;
SET search_path = example_aggregations;
CREATE TABLE sale (month int, customer int, quantity int, amount int);
INSERT INTO sale SELECT 1 + g % 6, g % 50, CASE WHEN g % 6 = 3 THEN 0 ELSE 2 END, g % 100 FROM generate_series(1, 6000) g;
CREATE TABLE by_customer (customer int PRIMARY KEY, amount bigint);
CREATE TABLE by_month (month int PRIMARY KEY, amount bigint, price bigint);
CREATE TABLE total (amount bigint);
SQL

run() { "$scaleout" exec "$here/aggregate.yaml" --plain --reporting EWPI --parameter "folder;$work"; }

echo "== first run: month 4 divides by zero"
if run; then echo "the first run should have failed"; exit 1; fi
echo "== what would a restart do?"
"$scaleout" exec "$here/aggregate.yaml" --parameter "folder;$work" --restart-plan
psql -qX -c "UPDATE example_aggregations.sale SET quantity = 2 WHERE month = 4"
echo "== second run, with the data corrected"
run
psql -qXAt -c "SELECT 'months: ' || count(*) || ', total: ' || (SELECT amount FROM example_aggregations.total) FROM example_aggregations.by_month"
