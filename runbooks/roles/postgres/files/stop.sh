# Stop the restored PostgreSQL server cleanly. Runs inside the sandbox.
set -eu
IFS= read -r pid 2>/dev/null <"$PGDATA/postmaster.pid" || pid=
case $pid in '' | *[!0-9]*) pid=0 ;; esac
if [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" != "$(readlink -f "$PGDATA")" ]; then
  printf 'not running\n'
  exit 0
fi
IFS= read -r version <"$PGDATA/PG_VERSION"
for programs in "/usr/lib/postgresql/$version/bin" "/usr/pgsql-$version/bin"; do
  if [ -x "$programs/pg_ctl" ]; then break; fi
done
"$programs/pg_ctl" -D "$PGDATA" -s -w -t 60 -m fast stop >&2
printf 'stopped\n'
