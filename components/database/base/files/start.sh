#!/bin/sh
# Starts PostgreSQL: ordinal 0 as the primary, the others as its standbys.
set -eu
# shellcheck source=SCRIPTDIR/common.sh
. /etc/banhbaoring-postgres/common.sh

write_passfile
set -- postgres -D "$PGDATA" -c "config_file=$config/postgresql.conf"
if [ "$ordinal" != 0 ]; then
  touch "$PGDATA/standby.signal"
  set -- "$@" -c "primary_conninfo=$(conninfo "$primary")" -c "primary_slot_name=$slot"
fi
exec "$@"
