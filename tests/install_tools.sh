#!/usr/bin/env bash
# Installs what the tests need and pip does not bring: a Chromium for tests/browser.
# As root where there is apt it is installed; elsewhere this only says what is missing.
set -euo pipefail

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" > /dev/null; then
        exit 0
    fi
done
if [[ $(id -u) == 0 ]] && command -v apt-get > /dev/null; then
    echo "== chromium, for tests/browser"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends chromium > /dev/null
    exit 0
fi
echo "tests/browser needs chromium (or google-chrome): please install it." >&2
if [[ ${CI:-} == true ]]; then
    exit 1
fi
