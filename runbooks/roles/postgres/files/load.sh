# Load roles and dumps into the empty cluster that fresh.sh made, each database under its own name. Runs inside the sandbox.
# Environment: PGDATA DRP_DUMPS DRP_ROLES DRP_JOBS. pg_restore is a child: dumps with flipped bytes are known to kill it.
set -eu
if [ -e "$PGDATA/drp-loaded" ]; then
  printf 'loaded: false\n'
  exit 0
fi
IFS= read -r version <"$PGDATA/PG_VERSION"
for programs in "/usr/lib/postgresql/$version/bin" "/usr/pgsql-$version/bin"; do
  if [ -x "$programs/postgres" ]; then break; fi
done
words=/run/drp-postgres/words
# A load that is cut off begins anew: no single commit of it has to be durable.
export PGOPTIONS='-c synchronous_commit=off' PGUSER=postgres PGHOST=/run

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

complaint() {
  if [ "$1" -gt 128 ]; then printf 'died by signal %s' "$(($1 - 128))"; else printf 'ended with %s' "$1"; fi
  sed -n "s/^$2: error: //p; s/^.*: ERROR: *//p" "$words" | sed 's/ for type \([a-z ]*\): ".*"/ for type \1/' | head -n 1 | sed 's/^/: /'
}

run_sql() {
  code=0
  "$programs/psql" -X -q -d postgres -v ON_ERROR_STOP=1 -f "$1" >/dev/null 2>"$words" || code=$?
  [ "$code" = 0 ] || fail "$2 could not be loaded: psql $(complaint "$code" psql)"
}

globals=$DRP_DUMPS/globals.sql
hint=
if [ -e "$globals" ]; then
  # The superuser is there already; tablespaces were on other disks.
  mkdir -p -m 0700 "$PGDATA.tablespaces"
  awk -v base="$PGDATA.tablespaces" '
    /^(CREATE|ALTER) ROLE postgres( |;)/ { next }
    /^CREATE TABLESPACE .* LOCATION / {
      place = base "/" ++number
      system("mkdir -m 0700 \"" place "\"")
      sub(/ LOCATION \047.*\047;/, " LOCATION \047" place "\047;")
    }
    { print }' "$globals" >/run/drp-postgres/globals.sql
  run_sql /run/drp-postgres/globals.sql globals.sql
elif [ -n "$DRP_ROLES" ]; then
  run_sql "$DRP_ROLES" "the role that the application's configuration names"
else
  hint="; there is no globals.sql with the roles beside the dumps"
fi

databases=
for dump in "$DRP_DUMPS"/*.dump "$DRP_DUMPS"/*.pgdump "$DRP_DUMPS"/*.backup "$DRP_DUMPS"/*/toc.dat; do
  [ -e "$dump" ] || continue
  dump=${dump%/toc.dat} code=0
  name=$("$programs/pg_restore" -l "$dump" 2>/dev/null | sed -n 's/^; *dbname: //p' | head -n 1)
  case $name in
    postgres | template1) set -- -d "$name" ;; # every cluster has these
    *) set -- -C -d postgres ;;
  esac
  "$programs/pg_restore" "$@" --exit-on-error -j "$DRP_JOBS" "$dump" >/dev/null 2>"$words" || code=$?
  [ "$code" = 0 ] || fail "the dump ${dump##*/} could not be loaded: pg_restore $(complaint "$code" pg_restore)$hint"
  databases="$databases${databases:+, }\"$(printf %s "$name" | tr -cd 'A-Za-z0-9_. -')\""
done
: >"$PGDATA/drp-loaded"
printf 'loaded: true\ndatabases: [%s]\n' "$databases"
