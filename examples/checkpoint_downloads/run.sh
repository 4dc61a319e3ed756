#!/bin/sh
# Downloads three files; the server cuts the second one; the second run goes on there.
# Needs python3-pyftpdlib. SCALEOUT is the program (default: scaleout in PATH).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scaleout=${SCALEOUT:-scaleout}
work=$(mktemp -d)
mkdir "$work/served" "$work/in"
for name in customers orders prices; do
    seq 1 100000 > "$work/served/$name.csv"
done
/usr/bin/python3 "$here/server.py" "$work/served" "$work/port" 2>"$work/server.log" &
server=$!
trap 'kill $server; rm -rf "$work"' EXIT
while [ ! -e "$work/port" ]; do
    kill -0 $server || { cat "$work/server.log"; exit 1; }
    sleep 0.05
done

run() {
    "$scaleout" exec "$here/download.yaml" --plain --reporting EWPI --parameter "folder;$work/in" \
        --connection "drop;ftp://127.0.0.1:$(cat "$work/port")/"
}

echo "== first run: the server cuts orders.csv"
if run; then echo "the first run should have failed"; exit 1; fi
ls "$work/in"
echo "== what would a restart do?"
"$scaleout" exec "$here/download.yaml" --parameter "folder;$work/in" --restart-plan
echo "== second run"
run
for name in customers orders prices; do
    cmp "$work/served/$name.csv" "$work/in/$name.csv"
done
echo "all files are complete"
