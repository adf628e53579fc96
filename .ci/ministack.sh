#!/usr/bin/env bash
# An emulator of AWS from PyPI, for tests that need S3 or functions: needs Python 3.10 or later, and no Docker.
#
#   .ci/ministack.sh start    installs it on first use, starts it on a free loopback port, prints the endpoint;
#                             policies of IAM hold, as on AWS
#   .ci/ministack.sh stop     ends the one that was started, and prints nothing
#   .ci/ministack.sh run …    starts it, runs the command with MILLRACE_TEST_ENDPOINT set, stops it
#
# MILLRACE_MINISTACK_DIR: where the virtual environment and the running one's notes are kept; outside of the tree.
set -euo pipefail

version=1.5.33
dir="${MILLRACE_MINISTACK_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace/ministack-$version}"
venv="$dir/venv"
pid_file="$dir/pid"
endpoint_file="$dir/endpoint"
log="$dir/log"
# Functions are unpacked and run here, where no package.json above them says what their files are.
unpacked="$dir/unpacked"

install() {
  if [ -x "$venv/bin/ministack" ]; then return; fi
  rm -rf "$venv"
  mkdir -p "$dir"
  python3 -m venv "$venv"
  # To standard error: the endpoint is all that standard output has.
  "$venv/bin/pip" install --quiet --disable-pip-version-check "ministack==$version" >&2
}

is_running() {
  [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null
}

is_ready() {
  "$venv/bin/python" - "$1" <<'PYTHON' 2>/dev/null
import sys, urllib.request
urllib.request.urlopen(sys.argv[1] + '/_ministack/health', timeout=2).read()
PYTHON
}

start() {
  install
  if is_running; then
    cat "$endpoint_file"
    return
  fi
  local port endpoint
  port="$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
  endpoint="http://127.0.0.1:$port"
  rm -rf "$unpacked"
  mkdir -p "$unpacked"
  echo '{}' >"$unpacked/package.json"
  # It looks for credentials and services of its own in the environment: it gets none of ours.
  env -u AWS_PROFILE -u AWS_ENDPOINT_URL \
    TMPDIR="$unpacked" GATEWAY_PORT="$port" BIND_HOST=127.0.0.1 IOT_MTLS_ENABLED=0 \
    "$venv/bin/python" "$(dirname "$0")/ministack-with-iam.py" >"$log" 2>&1 </dev/null &
  echo $! >"$pid_file"
  for _ in $(seq 150); do
    if is_ready "$endpoint"; then
      echo "$endpoint" | tee "$endpoint_file"
      return
    fi
    if ! is_running; then break; fi
    sleep 0.2
  done
  echo "Expected MiniStack $version to be ready within 30 s; its log:" >&2
  tail -n 30 "$log" >&2
  stop
  exit 1
}

stop() {
  if is_running; then
    local pid
    pid="$(cat "$pid_file")"
    kill "$pid"
    for _ in $(seq 50); do
      if ! is_running; then break; fi
      sleep 0.1
    done
    if is_running; then kill -9 "$pid"; fi
  fi
  rm -rf "$pid_file" "$endpoint_file" "$unpacked"
}

case "${1:-}" in
  start) start ;;
  stop) stop ;;
  run)
    shift
    trap stop EXIT
    MILLRACE_TEST_ENDPOINT="$(start)"
    export MILLRACE_TEST_ENDPOINT
    "$@"
    ;;
  *)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
