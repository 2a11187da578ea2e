#!/usr/bin/env bash
# Prints a Python that Vigil runs on (3.11 or newer, with venv), or the best candidate for check_python.sh to refuse.
set -u

usable() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

for name in python3 python3.13 python3.12 python3.11 python3.14 python; do
  if command -v "$name" >/dev/null 2>&1 && usable "$name"; then
    command -v "$name"
    exit 0
  fi
done
command -v python3 || echo python3
