# Start a restored PostgreSQL server with the overrides of a drill. Runs inside the sandbox.
# Arguments: settings, name=value. Environment: PGDATA PGPORT DRP_RESTORED_ROOT DRP_CONFIG_FILE DRP_WAL_ARCHIVE DRP_LISTEN.
# Prints what it did as YAML. The overrides go on the command line: they outrank every restored file, and edit none.
set -eu
run=/run/drp-postgres
changed=false

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

[ -f "$PGDATA/PG_VERSION" ] || fail "there is no PG_VERSION in $PGDATA: is data_directory right?"
IFS= read -r version <"$PGDATA/PG_VERSION"
case $version in
  '' | *[!0-9.]*) fail "$PGDATA/PG_VERSION does not hold a version" ;;
esac
programs=
for candidate in "/usr/lib/postgresql/$version/bin" "/usr/pgsql-$version/bin"; do
  if [ -x "$candidate/postgres" ]; then programs=$candidate; fi
done
[ -n "$programs" ] || fail "PostgreSQL $version is not installed where drills run: install its server package"

# A backup taken from a running server brings its postmaster.pid along, and that number may be somebody's in here.
if [ -e "$PGDATA/postmaster.pid" ]; then
  IFS= read -r pid <"$PGDATA/postmaster.pid" || pid=
  case $pid in '' | *[!0-9]*) pid=0 ;; esac
  if [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$(readlink -f "$PGDATA")" ]; then
    printf 'changed: false\nversion: "%s"\nprograms: %s\n' "$version" "$programs"
    exit 0
  fi
  rm -f "$PGDATA/postmaster.pid"
fi

mkdir -p -m 0700 "$run"
case $(stat -c %a "$PGDATA") in
  700 | 750) ;;
  *) chmod 0700 "$PGDATA" ;;
esac
# Directories whose content a backup may leave out; some tools leave the directories out as well.
for name in pg_dynshmem pg_notify pg_serial pg_snapshots pg_stat_tmp pg_subtrans; do
  [ -d "$PGDATA/$name" ] || mkdir -m 0700 "$PGDATA/$name"
done

# Tablespaces and WAL on other disks: the links still name production's paths, restored below a folder of ours.
for link in "$PGDATA"/pg_tblspc/* "$PGDATA/pg_wal"; do
  [ -L "$link" ] && [ ! -e "$link" ] || continue
  wanted=$(readlink "$link")
  base=$DRP_RESTORED_ROOT
  while [ -n "$base" ] && [ ! -d "$base$wanted" ]; do base=${base%/*}; done
  [ -n "$base" ] || fail "$link leads to $wanted, which was not restored"
  ln -sfn "$base$wanted" "$link"
done

printf 'local all all trust\nhost all all all trust\n' >"$run/pg_hba.conf"
: >"$run/pg_ident.conf"
configuration=$PGDATA/postgresql.conf
if [ -n "$DRP_CONFIG_FILE" ]; then configuration=$DRP_RESTORED_ROOT/$DRP_CONFIG_FILE; fi
if [ ! -e "$configuration" ]; then
  [ -z "$DRP_CONFIG_FILE" ] || fail "there is no $configuration: is config_file right?"
  configuration=$run/postgresql.conf
  : >"$configuration"
fi

set -- "$@" "config_file=$configuration" "data_directory=$PGDATA" "hba_file=$run/pg_hba.conf" \
  "ident_file=$run/pg_ident.conf" external_pid_file= "port=$PGPORT" "listen_addresses=$DRP_LISTEN" \
  unix_socket_directories=/run,/tmp unix_socket_group= unix_socket_permissions=0700 \
  logging_collector=off log_destination=stderr cluster_name=drp-drill dynamic_shared_memory_type=posix \
  archive_mode=off archive_command= archive_cleanup_command= recovery_end_command= \
  primary_conninfo= primary_slot_name= synchronous_standby_names= max_logical_replication_workers=0 hot_standby=off

# A standby would wait for its primary for ever: it recovers what was backed up, then opens.
if [ -e "$PGDATA/standby.signal" ]; then
  rm -f "$PGDATA/standby.signal"
  : >"$PGDATA/recovery.signal"
fi
restore_command=false
if [ -n "$DRP_WAL_ARCHIVE" ]; then
  archive=$DRP_RESTORED_ROOT/$DRP_WAL_ARCHIVE
  [ -d "$archive" ] || fail "there is no $archive: is wal_archive right?"
  case $archive in *[\'\"\\%]*) fail "the path of the WAL archive holds a quote, a backslash or a percent sign" ;; esac
  restore_command="cp \"$archive/%f\" \"%p\""
  : >"$PGDATA/recovery.signal"
fi
set -- "$@" "restore_command=$restore_command" recovery_target_action=promote

configured() {
  "$programs/postgres" -D "$PGDATA" -c "config_file=$configuration" -c "data_directory=$PGDATA" -C "$1" 2>/dev/null || true
}

# Brake on side effects: what works by itself on a schedule, or talks to other servers, stays out of a drill.
kept=
braked=
libraries=$(configured shared_preload_libraries)
rest=$libraries,
while [ -n "$rest" ]; do
  library=$(printf '%s' "${rest%%,*}" | tr -d ' "')
  rest=${rest#*,}
  case ${library##*/} in
    '') ;;
    pg_cron* | pg_partman_bgw* | pgagent* | pglogical* | bdr* | spock* | repmgr* | pg_later* | pg_net*)
      braked="$braked${braked:+, }$library" ;;
    *) kept="$kept${kept:+,}$library" ;;
  esac
done
if [ -n "$braked" ]; then set -- "$@" "shared_preload_libraries=$kept"; fi

# TLS only with the keys restored: without them the server would not start, and no check here is about TLS.
tls=$(configured ssl)
if [ "$tls" = on ]; then
  for name in ssl_key_file ssl_cert_file; do
    file=$(configured "$name")
    case $file in /*) ;; *) file=$PGDATA/$file ;; esac
    [ -r "$file" ] || tls=off
  done
  set -- "$@" "ssl=$tls"
fi

options=
for setting in "$@"; do
  quoted=$(printf %s "$setting" | sed "s/'/'\\\\''/g")
  options="$options -c '$quoted'"
done
"$programs/pg_ctl" -D "$PGDATA" -s -W -l "$run/server.log" -o "$options" start >&2
printf 'changed: true\nversion: "%s"\nprograms: %s\nbraked: [%s]\ntls: "%s"\n' "$version" "$programs" \
  "$(printf %s "$braked" | tr -cd 'A-Za-z0-9_, -')" "$tls"
