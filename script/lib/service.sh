# shellcheck shell=bash
# Real services for the tests: each is a development-mode `pledges serve --demo` of its own, on a free
# loopback port, with its own variable directory and so its own private PostgreSQL. Sourced, not run.
#
#   make_workspace         a temporary directory, $workspace; everything a run leaves behind is below it
#   start_service NAME     sets PLEDGES_URL and PLEDGES_ADMIN_PASSWORD_FILE
#   stop_below DIR         stops, by process id, whatever still runs below DIR; answers 1 when something ran
#                          that should have stopped by itself or when it was told to
#   stop_services          the same below $workspace
#   clear_workspace        the same, then deletes $workspace

readonly SERVICE_READY_WITHIN_S=90
readonly SERVICE_STOPS_WITHIN_S=20

make_workspace() {
  # In /tmp itself, because the path of a unix socket has room for about 100 characters only.
  workspace=$(mktemp -d /tmp/pledges.XXXXXX)
  # When the tests run as root, PostgreSQL runs as another user and must be able to pass through here.
  chmod 711 "$workspace"
  mkdir "$workspace/tmp"
  chmod 1777 "$workspace/tmp"
  # So that what the steps make in the temporary directory is found and cleared as well.
  export TMPDIR=$workspace/tmp
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Expects $pledges, the path of the built program.
start_service() {
  local name=$1 directory=$workspace/$1 port pid waited=0
  shift
  mkdir "$directory"
  chmod 711 "$directory"
  port=$(free_port)
  PLEDGES_URL=http://127.0.0.1:$port
  PLEDGES_ADMIN_PASSWORD_FILE=$directory/var/admin-password
  export PLEDGES_URL PLEDGES_ADMIN_PASSWORD_FILE
  env PLEDGES_MODE=development PLEDGES_BIND="127.0.0.1:$port" PLEDGES_VAR_DIR="$directory/var" \
    "${pledges:?}" serve --demo "$@" >"$directory/log" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$directory/service.pid"
  until curl --silent --fail --output /dev/null --max-time 2 "$PLEDGES_URL/readyz"; do
    waited=$((waited + 1))
    if ! kill -0 "$pid" 2>/dev/null || [ "$waited" -gt $((SERVICE_READY_WITHIN_S * 2)) ]; then
      tail -n 40 "$directory/log" >&2
      fail "the service for '$name' did not become ready (its log is above)"
    fi
    sleep 0.5
  done
}

is_running() { kill -0 "$1" 2>/dev/null && [ "$(ps -o stat= -p "$1" | cut -c1)" != Z ]; }

# Sends $2 to process $1 and waits up to $3 seconds; answers 1 when it is still there.
signal_and_wait() {
  local pid=$1 signal=$2 patience_s=$3 waited=0
  kill -s "$signal" "$pid" 2>/dev/null || true
  while is_running "$pid"; do
    [ "$waited" -ge $((patience_s * 5)) ] && return 1
    sleep 0.2
    waited=$((waited + 1))
  done
}

stop_below() {
  local below=$1 file pid clean=0
  while IFS= read -r file; do
    pid=$(cat "$file")
    rm -f "$file"
    is_running "$pid" || continue
    if ! signal_and_wait "$pid" TERM "$SERVICE_STOPS_WITHIN_S"; then
      echo "error: service $pid did not stop within $SERVICE_STOPS_WITHIN_S s of SIGTERM; killing it" >&2
      signal_and_wait "$pid" KILL 5 || true
      clean=1
    fi
  done < <(find "$below" -name service.pid 2>/dev/null)
  # A PostgreSQL that outlives its service or its test by more than a moment: a defect, and not to be left running.
  while IFS= read -r file; do
    pid=$(head -n 1 "$file" 2>/dev/null) || continue
    if is_running "$pid" && ps -o command= -p "$pid" | grep -q postgres && ! signal_and_wait "$pid" 0 10; then
      echo "error: a PostgreSQL was left running in $(dirname "$file"); stopping it" >&2
      kill -s CONT "$pid" 2>/dev/null || true
      signal_and_wait "$pid" INT 10 || signal_and_wait "$pid" QUIT 5 || signal_and_wait "$pid" KILL 5 || true
      clean=1
    fi
  done < <(find "$below" -name postmaster.pid 2>/dev/null)
  return "$clean"
}

stop_services() { stop_below "$workspace"; }

clear_workspace() {
  local clean=0
  [ -n "${workspace:-}" ] && [ -d "$workspace" ] || return 0
  stop_services || clean=1
  rm -rf "$workspace"
  return "$clean"
}
