# What the scripts beside it have in common.
# shellcheck shell=sh disable=SC2034

config=/etc/banhbaoring-postgres
credentials=/etc/banhbaoring-postgres-credentials
passfile=/var/run/banhbaoring-postgres/passfile
service=banhbaoring-postgres
primary=banhbaoring-postgres-primary
ordinal=${POD_NAME##*-}
slot=standby_$ordinal

say() { printf '%s: %s\n' "$POD_NAME" "$*" >&2; }

# die says what is wrong and what to do, a line each: in the log, and where
# `kubectl describe pod` shows it.
die() {
  for line in "$@"; do
    say "$line"
    printf '%s\n' "$line" >>/dev/termination-log
  done
  exit 1
}

# write_passfile keeps the password off every command line. The server reads the
# file whenever it connects, so that it is replaced in one go.
write_passfile() {
  (
    umask 077
    escaped=$(sed 's/[\\:]/\\&/g' "$credentials/replication-password")
    printf '*:*:*:banhbaoring_replication:%s\n' "$escaped" >"$passfile.new"
    mv "$passfile.new" "$passfile"
  )
}

# conninfo is how this pod reaches another server as the replication role: the
# host, and what else there is to say.
conninfo() {
  printf 'host=%s port=5432 user=banhbaoring_replication passfile=%s sslmode=verify-full sslrootcert=/etc/banhbaoring-trust/ca.crt connect_timeout=5 application_name=%s' \
    "$1" "$passfile" "$slot"
}

# ask runs a query on another server: where, then the query.
ask() { psql -X -q -A -t -w -d "$(conninfo "$1") dbname=postgres" -c "$2"; }
