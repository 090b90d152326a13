#!/usr/bin/env bash
# Record real Microsoft RPC on one Debian 12 machine: two Samba domain controllers, four domain workstations and a Linux
# server in network namespaces, real clients, one capture of everything. README.md says what comes out.
#
#   record.sh install   a Python environment with impacket (`make packages` installs Debian's)
#   record.sh up        build the network, start the servers
#   record.sh run       capture while the clients work (actions.sh)
#   record.sh flows     capture -> flow records, connections and the truth about them
#   record.sh down      end the lab's processes, remove its namespaces
#   record.sh all       up, run, flows, down (down also after a failure)
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB=${LAB:-${TMPDIR:-/tmp}/rpcsight-lab}
OUT=${OUT:-$LAB/out}            # results; kept by `down`
VENV=${VENV:-$LAB/venv}         # Python with impacket and duckdb; kept by `down`
STATE=$LAB/state                # the machines' files; removed by `down`
NET=${NET:-rl}                  # prefix of the namespaces: two labs at once need two
ROUNDS=${ROUNDS:-4}             # of background before the first unusual action; with 1 also none later
PASSWORD='Passw0rd!lab'         # of a domain that lives for five minutes

# shellcheck source=machines.sh
source "$HERE/machines.sh"
# shellcheck source=actions.sh
source "$HERE/actions.sh"

say() { echo "$(date +%T) $*"; }

install() {
  [[ -x $VENV/bin/pip ]] || python3 -m venv --clear "$VENV"
  "$VENV/bin/pip" --disable-pip-version-check install -q impacket duckdb
}

check_free() { # two labs at once would share names
  if compgen -G "/run/netns/$NET-*" >/dev/null; then
    echo "error: namespaces $NET-* exist already" >&2
    echo "  hint: $0 down" >&2
    exit 1
  fi
}

up() {
  local name
  check_free
  rm -rf "$STATE"
  mkdir -p "$STATE" "$OUT"
  add_switch
  for name in dc dc2 "${WORKSTATIONS[@]}"; do add_machine "$name" "$WINDOWS_PORTS"; done
  add_machine lx "$LINUX_PORTS"
  first_dc
  say "first domain controller is up"
  second_dc
  say "second domain controller has joined"
  for name in "${WORKSTATIONS[@]}"; do workstation "$name"; done
  say "workstations ${WORKSTATIONS[*]} are up"
  # Two web servers on dynamic ports: what the rule must not take for RPC.
  for name in dc c4 lx; do
    mkdir -p "$STATE/$name/www"
    on "$name" python3 -m http.server 50080 -b "${ADDRESS[$name]}" -d "$STATE/$name/www" >/dev/null 2>&1 &
    wait_for 10 is_listening "$name" 50080
  done
}

run() {
  local capture
  # The bridge in promiscuous mode is a mirror port: every frame once, whoever talks to whom.
  # shellcheck disable=SC2016
  on sw sh -c 'echo $$ >"$0/tcpdump.pid"; exec tcpdump -i br0 -U -s 0 -w "$1/lab.pcap" 2>"$1/tcpdump.out"' \
    "$STATE" "$OUT" &
  capture=$!
  wait_for 10 grep -q 'listening on' "$OUT/tcpdump.out"
  play
  sleep 3                        # the last packets, and silence for longer than the rule's window
  kill -INT "$(<"$STATE/tcpdump.pid")"
  wait "$capture" || true
  say "$(($(wc -l <"$OUT/actions.csv") - 1)) actions, $(stat -c %s "$OUT/lab.pcap") bytes captured"
}

flows() {
  local addresses=() name
  rm -rf "$OUT/nfcapd"
  mkdir -p "$OUT/nfcapd"
  # nfpcapd makes records of one direction each, with the packets' own times. nfdump prints local time: force UTC.
  quietly "$OUT/nfpcapd.out" env TZ=UTC nfpcapd -r "$OUT/lab.pcap" -w "$OUT/nfcapd" -t 3600
  TZ=UTC nfdump -R "$OUT/nfcapd" -O tstart -o json >"$OUT/recording.nfdump.json"
  gzip --keep --force --no-name -9 "$OUT/recording.nfdump.json"
  for name in "${MACHINES[@]}"; do addresses+=("$name=${ADDRESS[$name]}"); done
  "$VENV/bin/python" "$HERE/connections.py" "$OUT/lab.pcap" "$OUT/recording.parquet"
  "$VENV/bin/python" "$HERE/truth.py" "$OUT/lab.pcap" "$OUT/actions.csv" "$OUT/truth.csv" "${addresses[@]}"
}

down() {
  local name
  for name in "${MACHINES[@]}" sw; do remove_machine "$name"; done
  rmdir /etc/netns 2>/dev/null || true
  rm -rf "$STATE"
}

all() {
  check_free    # before the trap: it must not take down somebody else's lab
  trap down EXIT
  up
  run
  flows
}

case ${1:-} in
  install | up | run | flows | down | all) "$1" ;;
  *)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
    exit 2
    ;;
esac
