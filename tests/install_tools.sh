#!/usr/bin/env bash
# Installs what the tests need and pip does not bring: a Chromium for tests/browser, and Prometheus
# with its promtool for the rules and dashboards in observability/.
# As root where there is apt they are installed; elsewhere this only says what is missing.
set -euo pipefail

missing=()
command -v chromium > /dev/null || command -v chromium-browser > /dev/null ||
    command -v google-chrome > /dev/null || missing+=(chromium)
command -v promtool > /dev/null && command -v prometheus > /dev/null || missing+=(prometheus)
if ((${#missing[@]} == 0)); then
    exit 0
fi
if [[ $(id -u) == 0 ]] && command -v apt-get > /dev/null; then
    echo "== ${missing[*]}, for tests"
    export DEBIAN_FRONTEND=noninteractive
    # A policy that forbids to start services: the package would run a Prometheus of its own.
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
    fi
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends "${missing[@]}" > /dev/null
    exit 0
fi
echo "Tests need ${missing[*]}: please install." >&2
if [[ ${CI:-} == true ]]; then
    exit 1
fi
