# What .ci/run and .ci/nightly share: steps that are timed, in lanes that run
# side by side.
#
#   step NAME COMMAND…   runs it; its output is printed whole when it ends, so
#                        that lanes do not mix, and its figures go to the table
#   lanes NAME…          runs this script once a lane, side by side; the first
#                        that fails ends them all
#   flaky                the tests that failed, and passed when they ran once more
#   table                seconds, processor seconds and programs compiled, a line
#                        a step
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export STEPS=${STEPS:-$(mktemp -d)} STEPS_FROM=${STEPS_FROM:-$(date +%s)}
cluster=${CLUSTER:-$PWD/../shared/cluster/cluster}
clock() { printf '%02d:%02d' $((($(date +%s) - STEPS_FROM) / 60)) $((($(date +%s) - STEPS_FROM) % 60)); }

step() {
  local name=$1 begun log code=0 TIMEFORMAT='%R %U %S'; shift
  log=$STEPS/$(tr -cs 'a-z0-9\n' - <<<"${name,,}"); begun=$(clock)
  echo "--- $begun $name"
  touch "$log.begun"
  { time "$@" >"$log" 2>&1; } 2>"$log.time" || code=$?
  printf '\n=== %s %s, from %s to %s\n' "$name" "$( ((code)) && echo FAILED || echo passed)" "$begun" "$(clock)"
  if ((code)) || [[ ${QUIET:-} != 1 ]]; then cat "$log"; fi
  awk -v lane="${LANE:--}" -v name="$name" -v begun="$begun" -v compiled="$(compiled "$log.begun")" -v ok="$( ((code)) && echo FAILED)" \
    '{ printf "%-9s %5s %6.0f %7.0f %9s  %s %s\n", lane, begun, $1, $2 + $3, compiled, name, ok }' "$log.time" >>"$STEPS/table"
  return "$code"
}

# compiled counts the files that the Go build cache has gained since: archives
# of packages and linked programs, of this lane or the other.
compiled() { find "$(go env GOCACHE)" -newer "$1" -name '*-d' -size +8k 2>/dev/null | wc -l; }

lanes() {
  local lane code=0
  local -A pids=()
  for lane in "$@"; do
    LANE=$lane setsid bash "$0" --lane "$lane" & pids[$lane]=$!
  done
  trap 'for p in "${pids[@]}"; do kill -- "-$p" 2>/dev/null || true; done' RETURN
  for lane in "$@"; do wait -n || { code=$?; break; }; done
  return "$code"
}

flaky() {
  [[ -n $(cat "$STEPS"/reruns.* 2>/dev/null) ]] || return 0
  printf '\nflaky, to be mended: these failed, and passed when they ran once more\n'
  cat "$STEPS"/reruns.*
}

table() {
  printf '\n%-9s %5s %6s %7s %9s  %s\n' lane from s cpu-s compiled step
  sort -k2,2 "$STEPS/table"
  echo "in all $(clock), on $(nproc) processors"
}
