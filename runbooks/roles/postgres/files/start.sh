# Start a restored PostgreSQL server with the overrides of a drill. Runs inside the sandbox.
# Arguments: settings, name=value. Environment: PGDATA PGPORT DRP_RESTORED_ROOT DRP_CONFIG_FILE DRP_WAL_ARCHIVE DRP_WAL_STREAM
# DRP_TARGET_TIME DRP_VERIFY_BASE DRP_PASSWORDS DRP_LISTEN DRP_DUMPS DRP_FETCH.
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

# A base backup that nobody has opened yet is the very one that was taken, by its own manifest. Its WAL proves itself.
verified=false
if [ "$DRP_VERIFY_BASE" = true ] && [ -e "$PGDATA/backup_manifest" ] && [ -e "$PGDATA/backup_label" ]; then
  code=0
  complaints=$("$programs/pg_verifybackup" -n -q "$PGDATA" 2>&1) || code=$?
  if [ "$code" -gt 128 ]; then complaints="pg_verifybackup died by signal $((code - 128))"; fi
  [ "$code" = 0 ] || fail "the base backup is damaged: $(printf '%s' "${complaints:-exit $code}" | head -n 3 \
    | sed 's/^pg_verifybackup: error: //' | tr '\n' ';')"
  verified=true
fi

# Everybody enters by the socket. Over TCP only the superuser, where the application's own password is part of the test.
if [ "$DRP_PASSWORDS" = required ]; then
  printf 'local all all trust\nhost all postgres all trust\nhost all all all md5\n' >"$run/pg_hba.conf"
else
  printf 'local all all trust\nhost all all all trust\n' >"$run/pg_hba.conf"
fi
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
  logging_collector=off log_destination=stderr log_min_messages=warning lc_messages=C log_timezone=UTC cluster_name=drp-drill dynamic_shared_memory_type=posix \
  archive_mode=off archive_command= archive_cleanup_command= recovery_end_command= \
  primary_conninfo= primary_slot_name= synchronous_standby_names= max_logical_replication_workers=0 hot_standby=off

# A standby would wait for its primary for ever: it recovers what was backed up, then opens.
if [ -e "$PGDATA/standby.signal" ]; then
  rm -f "$PGDATA/standby.signal"
  : >"$PGDATA/recovery.signal"
fi
case $DRP_TARGET_TIME in
  '' | [0-9]*-[0-9]*-[0-9]*:[0-9]*[Zz] | [0-9]*-[0-9]*-[0-9]*:[0-9]*[+-][0-9][0-9] | [0-9]*-[0-9]*-[0-9]*:[0-9]*[+-][0-9][0-9]:[0-9][0-9]) ;;
  *) fail "recovery_target_time $DRP_TARGET_TIME has no time zone, or is no instant: write 2026-11-21T02:00:00Z" ;;
esac
restore_command=false
if [ -n "$DRP_DUMPS" ]; then
  [ -z "$DRP_TARGET_TIME" ] || fail "a dump holds one instant: it cannot be rolled to $DRP_TARGET_TIME"
  set -- "$@" wal_level=minimal max_wal_senders=0 max_wal_size=4GB
elif [ ! -e "$PGDATA/drp-recovered" ] && [ -n "$DRP_WAL_ARCHIVE$DRP_WAL_STREAM$DRP_TARGET_TIME" ]; then
  printf '%s\n' "$DRP_FETCH" >"$run/fetch.sh"
  folders=
  for name in "$DRP_WAL_ARCHIVE" "$DRP_WAL_STREAM"; do
    [ -n "$name" ] || continue
    archive=$DRP_RESTORED_ROOT/$name
    [ -d "$archive" ] || fail "there is no $archive: are wal_archive and wal_stream right?"
    case $archive in *[\'\"\\%\$\`]*) fail "the path of the WAL archive holds a character that a shell would read" ;; esac
    folders="$folders \"$archive\""
  done
  if [ -n "$folders" ]; then restore_command="sh $run/fetch.sh %f \"%p\"$folders"; fi
  : >"$PGDATA/recovery.signal"
  if [ -n "$DRP_TARGET_TIME" ]; then
    # The others first: one that is emptied after it would count as a second target.
    set -- "$@" recovery_target= recovery_target_name= recovery_target_lsn= recovery_target_xid= \
      "recovery_target_time=$DRP_TARGET_TIME"
  fi
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
printf 'changed: true\nversion: "%s"\nprograms: %s\nbraked: [%s]\ntls: "%s"\nbase_verified: %s\npasswords: %s\n' "$version" \
  "$programs" "$(printf %s "$braked" | tr -cd 'A-Za-z0-9_, -')" "$tls" "$verified" "$DRP_PASSWORDS"
