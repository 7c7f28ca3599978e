#!/bin/sh
# Prepares the data directory: a new database on the first start of ordinal 0, a
# clone of the primary on that of the others, and on every later start a check
# of its version. What was interrupted begins anew: a data directory gets its
# name when it is complete.
set -eu
# shellcheck source=SCRIPTDIR/common.sh
. /etc/banhbaoring-postgres/common.sh

new=$PGDATA.new

create() {
  say "making a new database"
  initdb --pgdata="$new" --username=postgres --auth=peer --encoding=UTF8 --locale=C.UTF-8 --data-checksums >&2
  pg_ctl start --silent --wait --pgdata="$new" --log=/tmp/create.log \
    --options="-c config_file=$config/postgresql.conf -c listen_addresses= -c ssl=off" ||
    die "the new database does not start:" "$(cat /tmp/create.log)"
  psql -X -q -v ON_ERROR_STOP=1 -h /var/run/postgresql -U postgres -d postgres -f "$config/roles.sql" >&2
  pg_ctl stop --silent --wait --mode=fast --pgdata="$new"
}

# clone copies the data of a server; with a slot, it keeps what follows.
clone() {
  say "cloning"
  from="$(conninfo "$1")"
  shift
  pg_basebackup --pgdata="$new" --dbname="$from" --no-password --wal-method=stream --checkpoint=fast "$@" >&2
}

# reserve_slot has the primary keep what follows from now on: an older slot may
# have lost what it kept.
reserve_slot() {
  ask "$primary" "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
    WHERE slot_name = '$slot' AND NOT active" >/dev/null
  ask "$primary" "SELECT pg_create_physical_replication_slot('$slot', true)
    WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '$slot')" >/dev/null
}

# others are the names of all other pods that there may be, as libpq takes them:
# it passes over those that do not exist. Of the addresses of one name it would
# ask only the first that answers.
others() {
  names=
  for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do # as max_wal_senders allows
    names=$names,banhbaoring-postgres-$n.$service
  done
  echo "${names#,}"
}

# other says what another pod's server is: one that takes writes, a standby, or
# none that answers.
other() {
  if ask "$(others) target_session_attrs=read-write" "SELECT 1" >/dev/null 2>&1; then
    echo promoted
  elif ask "$(others)" "SELECT 1" >/dev/null 2>&1; then
    echo standby
  fi
}

# first_start is that of ordinal 0. Its volume may also have been lost: where
# another pod holds the data, a new database would hide it. Pods start
# together, so that the others are given time to answer.
first_start() {
  found=
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    found=$(other)
    [ -n "$found" ] && break
    sleep 1
  done
  case $found in
  promoted) clone "$(others) target_session_attrs=read-write" ;;
  standby)
    die "the data of the primary is gone, and a standby has it: no new database is made" \
      "remedy: promote the standby that received most, and this pod copies it (docs/database.md, \"The primary's volume is lost\")"
    ;;
  *) create ;;
  esac
}

follow() {
  until pg_isready --quiet --host="$primary" --timeout=3; do
    say "waiting for $primary"
    sleep 3
  done
  reserve_slot
  clone "$primary" --slot="$slot"
  touch "$new/standby.signal"
}

check_version() {
  have=$(cat "$PGDATA/PG_VERSION")
  program=$(postgres --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
  [ "$have" = "$program" ] || die \
    "the data directory was written by PostgreSQL $have, and this is PostgreSQL $program, which cannot read it: nothing was changed" \
    "remedy: write database.version: \"$have\" again; to upgrade, follow docs/database.md, \"Major upgrades\""
}

write_passfile
if [ -e "$PGDATA/PG_VERSION" ]; then
  check_version
  # Kubernetes gives a volume's files to the pod's group, which PostgreSQL refuses.
  chmod 0700 "$PGDATA"
  # Nothing runs in this pod yet: a lock that lies here is a crash's.
  rm -f "$PGDATA/postmaster.pid"
elif [ -e "$PGDATA" ]; then
  die "the data directory is damaged: it has no PG_VERSION; nothing was changed" \
    "remedy: repair it, or move it away ($PGDATA) and restore it from a standby or a backup (docs/database.md)"
else
  rm -rf "$new"
  if [ "$ordinal" = 0 ]; then first_start; else follow; fi
  sync
  mv "$new" "$PGDATA"
  say "the data directory is complete"
fi
