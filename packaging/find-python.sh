#!/bin/sh
# find-python.sh: prints the first Python that can run hostnfsd (3.11 or later, able to make a
# virtual environment), the user's own before the system's. Exits 1 if there is none.
for candidate in ${PYTHON:-python3 python python3.14 python3.13 python3.12 python3.11 /usr/bin/python3}; do
    # A shim of pyenv exists for versions that are not active: only running it tells.
    "$candidate" -c '
import ensurepip, sys, venv
sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
    command -v "$candidate"
    exit 0
done
exit 1
