# Give the server one file of WAL. Runs inside the sandbox, called by the server for each file; an exit status says whether
# there is one. Arguments: file, where to put it, then the folders to look in. What pg_receivewal had not finished is taken
# last: it holds the newest commits.
set -eu
file=$1 to=$2
shift 2
for ending in '' .partial; do
  for folder; do
    from=$folder/$file
    if [ -f "$from$ending" ]; then exec cp "$from$ending" "$to"; fi
    for kind in gz zst lz4; do
      if [ ! -f "$from.$kind$ending" ]; then continue; fi
      program=$kind
      if [ "$kind" = gz ]; then program=gzip; elif [ "$kind" = zst ]; then program=zstd; fi
      if [ -z "$ending" ]; then exec "$program" -qdc <"$from.$kind" >"$to"; fi
      # It ends where the stream was cut off; the server wants whole segments.
      "$program" -qdc <"$from.$kind$ending" >"$to" 2>/dev/null || [ -s "$to" ]
      exec truncate -s %16777216 "$to"
    done
  done
done
exit 1
