#!/usr/bin/env bash
# Says in one line why a Python cannot make .venv, and what to do. Exits 1 then.
set -u
python=${1:-python3}

refuse() { echo "vigil: $1" >&2; exit 1; }

command -v "$python" >/dev/null 2>&1 ||
  refuse "no '$python' here; install Python 3.11 or newer (Debian: apt-get install python3 python3-venv), or say make setup PYTHON=/path/to/python3"

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
  refuse "'$python' does not start; say make setup PYTHON=/path/to/python3"

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  refuse "'$python' is Python $version; Vigil needs 3.11 or newer: install one, or say make setup PYTHON=/path/to/python3.11"

"$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
  refuse "'$python' has no venv module; install it (Debian: apt-get install python$version-venv), then run make again"
