#!/bin/sh
# Has the server read renewed certificates and, on the primary, take over the
# passwords of the Secret, whenever either changes and once at the start.
set -eu
# shellcheck source=SCRIPTDIR/common.sh
. /etc/banhbaoring-postgres/common.sh
trap 'exit 0' TERM INT

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -h /var/run/postgresql -U postgres -d postgres "$@"; }

apply() {
  write_passfile
  if [ "$(sql -c 'SELECT pg_is_in_recovery()')" = f ]; then
    sql -f "$config/roles.sql" || return 1
  fi
  sql -c 'SELECT pg_reload_conf()' >/dev/null
}

applied=
while :; do
  current=$(cat /etc/banhbaoring-postgres-tls/tls.* "$credentials"/* | sha256sum)
  if [ "$current" != "$applied" ] && pg_isready --quiet --host=/var/run/postgresql && apply; then
    applied=$current
    say "applied certificates and passwords"
  fi
  # In the background, so that the signal to stop is heard at once.
  sleep 10 &
  wait $!
done
