#!/bin/bash
# SPDX-License-Identifier: MIT
# packages.sh PACKAGE... -- install the Debian packages of the list that are missing.
#
# As root, or by sudo where that asks no password.  Without either, or without apt, it
# names them and ends well: whether what is needed is there shows at configure.
set -eu

missing=()
if command -v dpkg-query >/dev/null; then
    for package in "$@"; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || missing+=("$package")
    done
else
    echo "packages: this is no Debian; what is needed is called there: $*"
    exit 0
fi
if [ ${#missing[@]} -eq 0 ]; then
    echo "packages: all there"
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root=(sudo -n)
    else
        echo "packages: missing, and neither root nor sudo without a password:"
        echo "    apt install ${missing[*]}"
        exit 0
    fi
fi
echo "packages: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get -qq update
if ! "${as_root[@]}" apt-get -qq -y --no-install-recommends install "${missing[@]}" \
    >/dev/null; then
    echo "packages: apt-get failed; going on with what is there"
fi
