#!/usr/bin/env bash
# Resolves requirements.lock from pyproject.toml: every version pinned, every file by its hashes, no addresses.
# Pins that still fit are kept; UPGRADE=1 takes the newest of everything, UPGRADE=name of that one package.
set -euo pipefail
python=${LOCK_PYTHON:-python3.11}
lock=requirements.lock

"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || {
  echo "vigil: the lock is resolved on Python 3.11, the oldest supported; say make lock LOCK_PYTHON=/path/to/python3.11" >&2
  exit 1
}

room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"$python" -m venv "$room/venv"
"$room/venv/bin/python" -m pip --disable-pip-version-check install --quiet 'pip-tools>=7.5,<8'

upgrade=()
case "${UPGRADE:-}" in
  '') ;;
  1) upgrade=(--upgrade) ;;
  *) upgrade=(--upgrade-package "$UPGRADE") ;;
esac

# Only published files count: a local folder of wheels would add hashes that nobody else can check.
env -u PIP_FIND_LINKS CUSTOM_COMPILE_COMMAND='make lock' \
  "$room/venv/bin/pip-compile" --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links \
  --no-emit-trusted-host --extra dev "${upgrade[@]}" --output-file "$lock" pyproject.toml

if grep -nE '://|(^|[ =])/|--(index|extra-index|find-links|trusted)' "$lock"; then
  echo "vigil: $lock names a host or a path (above); take it out" >&2
  exit 1
fi
echo "$lock: $(grep -c '^[a-z0-9]' "$lock") packages"
