# Wait until the server started by start.sh has finished recovery and accepts connections. Runs inside the sandbox.
# Argument: seconds. The state is read from the control file and the port, so that no role or password is needed.
set -eu
IFS= read -r version <"$PGDATA/PG_VERSION"
for programs in "/usr/lib/postgresql/$version/bin" "/usr/pgsql-$version/bin"; do
  if [ -x "$programs/postgres" ]; then break; fi
done

rounds=0
started=$(date +%s)
while :; do
  IFS= read -r pid 2>/dev/null <"$PGDATA/postmaster.pid" || pid=
  if [ "$rounds" -gt 4 ] && { [ -z "$pid" ] || [ ! -d "/proc/$pid" ]; }; then
    sed -n 's/.*\(FATAL\|PANIC\): *//p' /run/drp-postgres/server.log | tail -n 1 | sed 's/^/the server ended: /' >&2
    exit 1
  fi
  if "$programs/pg_isready" -q -h /run -U postgres -d postgres && "$programs/pg_controldata" | grep -q '^Database cluster state: *in production'; then
    break
  fi
  if [ $(($(date +%s) - started)) -ge "$1" ]; then
    printf 'the server has not recovered within %s s\n' "$1" >&2
    exit 1
  fi
  rounds=$((rounds + 1))
  if [ "$rounds" -lt 100 ]; then sleep 0.05; else sleep 0.5; fi
done
printf 'recovered: true\n'
