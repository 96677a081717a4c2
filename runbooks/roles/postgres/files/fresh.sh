# Make an empty cluster for dumps, unless they are loaded already. Runs inside the sandbox, in front of start.sh.
# Environment: PGDATA DRP_DUMPS. The newest server is taken that is not older than the one the dumps came from.
set -eu

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

# How a program ended, and the first thing it had against the dump. What follows on that line may be a patient's.
complaint() {
  if [ "$1" -gt 128 ]; then printf 'died by signal %s' "$(($1 - 128))"; else printf 'ended with %s' "$1"; fi
  printf '%s\n' "$2" | sed -n 's/^pg_restore: error: /: /p' | sed 's/ for type \([a-z ]*\): ".*"/ for type \1/' | head -n 1
}

[ -d "$DRP_DUMPS" ] || fail "there is no folder $DRP_DUMPS: is dumps right?"
if [ ! -e "$PGDATA/drp-loaded" ]; then
  newest=$(for folder in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
    [ -x "$folder/postgres" ] && printf '%s %s\n' "$(printf %s "$folder" | tr -cd 0-9)" "$folder"
  done | sort -n | tail -n 1)
  [ -n "$newest" ] || fail "no PostgreSQL is installed where drills run: install its server package"
  programs=${newest#* } origin=0
  for dump in "$DRP_DUMPS"/*.dump "$DRP_DUMPS"/*.pgdump "$DRP_DUMPS"/*.backup "$DRP_DUMPS"/*/toc.dat; do
    [ -e "$dump" ] || continue
    dump=${dump%/toc.dat} code=0
    listing=$("$programs/pg_restore" -l "$dump" 2>&1) || code=$?
    [ "$code" = 0 ] || fail "the dump ${dump##*/} is damaged: pg_restore $(complaint "$code" "$listing")"
    version=$(printf '%s\n' "$listing" | sed -n 's/^; *Dumped from database version: *\([0-9]*\).*/\1/p' | head -n 1)
    if [ "${version:-0}" -gt "$origin" ]; then origin=$version; fi
  done
  [ "$origin" -gt 0 ] || fail "there is no dump in $DRP_DUMPS: *.dump, *.pgdump, *.backup, or a folder with toc.dat"
  [ "$origin" -le "${newest%% *}" ] || fail "the dumps came from PostgreSQL $origin, and only ${newest%% *} is installed here"
  for candidate in "/usr/lib/postgresql/$origin/bin" "/usr/pgsql-$origin/bin"; do
    if [ -x "$candidate/postgres" ]; then programs=$candidate; fi
  done
  if [ -e "$PGDATA/postmaster.pid" ]; then "$programs/pg_ctl" -D "$PGDATA" -s -m immediate stop >/dev/null 2>&1 || true; fi
  rm -rf "$PGDATA" "$PGDATA.tablespaces"
  # Files reach the disk with the first checkpoint; the time zone is given, since looking for it takes longer than all else.
  TZ=UTC "$programs/initdb" -D "$PGDATA" -U postgres -k -N -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
fi
