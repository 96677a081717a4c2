# Wait until the server started by start.sh has finished recovery and accepts connections. Runs inside the sandbox.
# Argument: seconds. Environment: PGDATA PGPORT DRP_RESTORED_ROOT DRP_WAL (folders below it, colons between) DRP_TARGET_TIME.
# The state is read from the control file and the port, so that no role or password is needed.
set -eu
log=/run/drp-postgres/server.log

# The newest of what the log says by an expression.
logged() {
  sed -n "s/$1/\\1/p" "$log" 2>/dev/null | tail -n 1
}

IFS= read -r version <"$PGDATA/PG_VERSION"
for programs in "/usr/lib/postgresql/$version/bin" "/usr/pgsql-$version/bin"; do
  if [ -x "$programs/postgres" ]; then break; fi
done

rounds=0
started=$(date +%s)
while :; do
  IFS= read -r pid 2>/dev/null <"$PGDATA/postmaster.pid" || pid=
  if [ "$rounds" -gt 4 ] && { [ -z "$pid" ] || [ ! -d "/proc/$pid" ]; }; then
    reason=$(sed -n 's/.*\(FATAL\|PANIC\): *//p' "$log" | tail -n 1)
    case $reason in
      *'before configured recovery target'*)
        newest=$(logged '.*last completed transaction was at log time \(.*\)')
        file=$(logged '.*restored log file "\([0-9A-F]*\)".*')
        reason="$reason: $DRP_TARGET_TIME cannot be reached; the newest transaction that was recovered is of"
        reason="$reason ${newest:-an unknown time}, the last WAL file ${file:-none}" ;;
    esac
    printf 'the server ended: %s\n' "$reason" >&2
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

# Recovery that ends at a gap does so in silence: whatever lies behind it in the archive is lost. (awk would compare names
# of digits alone as numbers, too long for it.)
if [ -n "$DRP_WAL" ] && [ -z "$DRP_TARGET_TIME" ] && [ ! -e "$PGDATA/drp-recovered" ]; then
  last=$(logged '.*restored log file "\([0-9A-F]\{24\}\)".*')
  if [ -z "$last" ] && [ -e "$PGDATA/backup_label.old" ]; then
    last=$(sed -n 's/^START WAL LOCATION: .*(file \([0-9A-F]*\)).*/\1/p' "$PGDATA/backup_label.old")
  fi
  if [ -n "$last" ]; then
    behind=$(printf '%s\n' "$DRP_WAL" | tr : '\n' | while IFS= read -r folder; do ls "$DRP_RESTORED_ROOT/$folder"; done \
      | sed -n 's/^\([0-9A-F]\{24\}\)\(\.gz\|\.zst\|\.lz4\)\{0,1\}\(\.partial\)\{0,1\}$/\1/p' | sort -u \
      | awk -v last="$last" 'substr($0, 1, 8) == substr(last, 1, 8) && "x" $0 > "x" last { print; exit }')
    if [ -n "$behind" ]; then
      printf 'the WAL archive has a gap: recovery ended after %s, and %s cannot be used\n' "$last" "$behind" >&2
      exit 1
    fi
  fi
fi
: >"$PGDATA/drp-recovered"
printf 'recovered: true\n'
if [ -n "$DRP_TARGET_TIME" ]; then printf 'recovery_target_time: "%s"\n' "$DRP_TARGET_TIME"; fi
stopped=$(logged '.*recovery stopping before commit of transaction [0-9]*, time \(.*\)')
newest=$(logged '.*last completed transaction was at log time \(.*\)')
if [ -n "$stopped" ]; then printf 'stopped_before: "%s"\n' "$stopped"; fi
if [ -n "$newest" ]; then printf 'newest_transaction: "%s"\n' "$newest"; fi
