#!/bin/sh
# Loads three dimensions; the file of one is wrong; when it is corrected the second run loads only that one and the facts.
# Needs a PostgreSQL database: the one that libpq's environment (PGHOST, PGDATABASE ...) leads to; the example makes and
# drops the schema example_dimensions. SCALEOUT is the program (default: scaleout in PATH).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scaleout=${SCALEOUT:-scaleout}
work=$(mktemp -d)
trap 'psql -qX -c "SET client_min_messages = warning; DROP SCHEMA IF EXISTS example_dimensions CASCADE"; rm -rf "$work"' EXIT

psql -qX -v ON_ERROR_STOP=1 <<'SQL'
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS example_dimensions CASCADE;
CREATE SCHEMA example_dimensions;
SET search_path = example_dimensions;
CREATE TABLE customer (id int PRIMARY KEY, name text);
CREATE TABLE product (id int PRIMARY KEY, price numeric);
CREATE TABLE region (id int PRIMARY KEY, name text);
CREATE TABLE sale (customer int REFERENCES customer, product int REFERENCES product, region int REFERENCES region, quantity int);
SQL
seq 1 1000 | awk '{print $1 ",customer " $1}' > "$work/customer.csv"
seq 1 100 | awk '{print $1 "," $1 * 1.5}' > "$work/product.csv"
printf '1,north\n2,south\n' > "$work/region.csv"
seq 1 5000 | awk '{print 1 + $1 % 1000 "," 1 + $1 % 100 "," 1 + $1 % 2 "," $1 % 7}' > "$work/sale.csv"
echo '101,cheap' >> "$work/product.csv"

run() { "$scaleout" exec "$here/load.yaml" --plain --reporting EWPI --parameter "folder;$work"; }

echo "== first run: product.csv has a price that is no number"
if run; then echo "the first run should have failed"; exit 1; fi
psql -qXAt -c "SELECT 'customers: ' || (SELECT count(*) FROM example_dimensions.customer) || ', products: ' || (SELECT count(*) FROM example_dimensions.product)"
echo "== what would a restart do?"
"$scaleout" exec "$here/load.yaml" --parameter "folder;$work" --restart-plan
sed -i 's/101,cheap/101,0.5/' "$work/product.csv"
echo "== second run, with the file corrected"
run
psql -qXAt -c "SELECT 'sales: ' || count(*) FROM example_dimensions.sale"
