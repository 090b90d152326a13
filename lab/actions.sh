# shellcheck shell=bash
# What the clients do while the capture runs. Sourced by record.sh, which sets HERE, NET, OUT, VENV, PASSWORD
# and ROUNDS.
#
# The first part of a label says what the action is good for:
#   background-  a domain's daily traffic from clients to controllers; the majority
#   admin-       administration, from c4 only
#   shape-       real RPC that the published rule misses or sees oddly
#   decoy-       looks like RPC to the rule, is not
#   attempt-     a connection that nobody accepts
#   lateral-     from one workstation to others, as an intruder moves

# The shortest recording does without both.
pause() { ((ROUNDS == 1)) || sleep "0.$((RANDOM % 7 + 2))"; }
apart() { ((ROUNDS == 1)) || sleep 3; }    # longer than the rule's window

act() { # act LABEL MACHINE COMMAND...: run it; a line with start, end, machine, label, exit code goes to actions.csv
  local label=$1 machine=$2 start code=0
  shift 2
  start=$(date +%s.%6N)
  on "$machine" timeout 30 "$@" >>"$OUT/action.$label.$machine.out" 2>&1 </dev/null || code=$?
  echo "$start,$(date +%s.%6N),$machine,$label,$code" >>"$OUT/actions.csv"
}

# --- clients ---------------------------------------------------------------------------------------------------------

login() { # login MACHINE: options of Samba's clients, one a line; at level 11 they log each call that they make
  printf '%s\n' -s "$(client_conf "$1")" -U "LAB/Administrator%$PASSWORD" -d 11
}

rpc() { # rpc LABEL MACHINE SERVER COMMANDS: rpcclient; for each interface one mapper and one endpoint connection
  local options
  mapfile -t options < <(login "$2")
  act "$1" "$2" rpcclient "${options[@]}" "ncacn_ip_tcp:$3.lab.example" -c "$4"
}

tool() { # tool LABEL MACHINE ARGUMENTS: samba-tool
  local options
  mapfile -t options < <(login "$2")
  act "$1" "$2" samba-tool "${@:3}" "${options[@]}"
}

smb() { # smb LABEL MACHINE SERVER: list the shares, which is RPC inside SMB: 445/tcp only
  local options
  mapfile -t options < <(login "$2")
  act "$1" "$2" smbclient "${options[@]}" -L "//$3.lab.example"
}

piped() { # piped LABEL MACHINE SERVER COMMANDS: rpcclient; RPC inside SMB, a pipe for each interface
  local options
  mapfile -t options < <(login "$2")
  act "$1" "$2" rpcclient "${options[@]}" "ncacn_np:$3.lab.example" -c "$4"
}

net_rpc() { # net_rpc LABEL MACHINE SERVER ARGUMENTS: Samba's net, which uses pipes
  local options
  mapfile -t options < <(login "$2")
  act "$1" "$2" net rpc "${@:4}" -S "$3.lab.example" "${options[@]}"
}

impacket() { # impacket LABEL MACHINE SCRIPT SERVER OPTION...
  act "$1" "$2" "$VENV/bin/python" "$HERE/logged.py" "$VENV/bin/$3" "${@:5}" "LAB/Administrator:$PASSWORD@$4.lab.example"
}

shaped() { # shaped LABEL MACHINE ARGUMENTS: our own client, for what no ordinary one does on request
  act "$1" "$2" env LAB_PASSWORD="$PASSWORD" "$VENV/bin/python" "$HERE/logged.py" "$HERE/rpc_client.py" "${@:3}"
}

http_get() { # http_get LABEL MACHINE SERVER PORT
  # shellcheck disable=SC2016
  act "$1" "$2" bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "GET / HTTP/1.0\r\n\r\n" >&3 && cat <&3' \
    "${ADDRESS[$3]}" "$4"
}

connect() { # connect LABEL MACHINE SERVER PORT: try for a second
  # shellcheck disable=SC2016
  act "$1" "$2" timeout 1 bash -c ': <>"/dev/tcp/$0/$1"' "${ADDRESS[$3]}" "$4"
}

# --- scenes ----------------------------------------------------------------------------------------------------------

background() { # background ROUND: controllers take turns, as a domain's clients spread over them
  local round=$1 name controller n=0
  for name in "${WORKSTATIONS[@]}"; do
    controller=dc
    if (((round + n++) % 2)); then controller=dc2; fi
    rpc background-samr "$name" "$controller" 'enumdomusers;querydominfo'; pause
    rpc background-netlogon "$name" "$controller" 'dsr_getdcname lab.example'; pause
    rpc background-role "$name" "$controller" dsroledominfo; pause
    # shellcheck disable=SC2016
    act background-winbind "$name" sh -c 'wbinfo -t; wbinfo -u; wbinfo -a "LAB\\Administrator%$0"' "$PASSWORD"; pause
  done
  http_get background-web c$((round % 4 + 1)) lx 50080; pause
  rpc background-linux lx dc 'enumdomusers'; pause
  smb background-shares c$((round % 4 + 1)) dc; pause
  # The one benign reason for RPC between workstations here: c4 asks the others what they are.
  rpc admin-inventory c4 c$((round % 3 + 1)) srvinfo; pause
  tool admin-dns c4 dns query dc.lab.example lab.example @ ALL; pause
  tool admin-showrepl c4 drs showrepl dc.lab.example; pause
}

interlude() { # interlude ROUND: background among the unusual; the shortest recording goes without
  if ((ROUNDS > 1)); then background "$1"; fi
}

replication() { # one controller fetches from the other, then the reverse
  tool admin-replicate c4 drs replicate dc2.lab.example dc.lab.example DC=lab,DC=example
  tool admin-replicate c4 drs replicate dc.lab.example dc2.lab.example DC=lab,DC=example
  pause
}

shapes() {
  rpc shape-not-registered c1 dc srvinfo; pause                        # the mapper knows no such interface
  impacket shape-rpcdump c1 rpcdump.py dc; pause                       # mapper only
  shaped shape-mapper-only c2 dc --no-call samr netlogon; pause
  shaped shape-reuse c1 dc --one-mapper samr drsuapi netlogon; pause   # three look-ups on one mapper connection
  shaped shape-slow-1s c1 dc --wait 1 samr; apart
  shaped shape-slow-3s c1 dc --wait 3 samr; apart                      # outside the window of 2 s
  shaped shape-known-endpoint c3 dc --port 49154 samr; apart           # no mapper flow at all
}

decoys() {
  shaped decoy-mapper-then-http c3 dc --no-call samr
  http_get decoy-mapper-then-http c3 dc 50080; pause
  shaped decoy-mapper-then-http c2 c4 --no-call samr
  http_get decoy-mapper-then-http c2 c4 50080; apart
}

attempts() {
  shaped attempt-closed-port c1 c4 --no-call samr
  connect attempt-closed-port c1 c4 49999; pause                       # answered by a reset
  shaped attempt-no-answer c1 c3 --no-call samr
  # No packet filter needed: c3 gets the SYN, but its answer to c1 goes nowhere.
  ip -n "$NET-c3" route add blackhole "${ADDRESS[c1]}/32"
  connect attempt-no-answer c1 c3 49152
  ip -n "$NET-c3" route del blackhole "${ADDRESS[c1]}/32"
  pause
}

fan_out() { # c2 tries every other workstation and the Linux server, which refuses 135/tcp
  local name
  for name in c1 c3 c4 lx; do rpc lateral-fan-out c2 "$name" 'srvinfo;enumdomusers;dsroledominfo'; done
}

lateral() { # c2 -> c3 -> c4, and c1 on its own
  shaped lateral-hop c2 c3 --unsigned winreg srvsvc wkssvc; pause
  rpc lateral-hop c2 c3 'netshareenumall;querydominfo'; pause
  shaped lateral-hop c3 c4 --unsigned winreg samr; pause
  shaped lateral-single c1 c3 --unsigned lsarpc; pause
  impacket lateral-dcsync c3 secretsdump.py dc -just-dc; pause
}

pipes() { # c1 on a controller, where Samba offers services and the registry over pipes
  piped lateral-pipe-questions c1 dc 'enumdomusers;lsaquery;netshareenumall;srvinfo;dsr_getdcname lab.example'; pause
  net_rpc lateral-pipe-service c1 dc service create lab lab /bin/true  # Samba refuses, but it was asked
  net_rpc lateral-pipe-service c1 dc service start WINS; pause
  net_rpc lateral-pipe-registry c1 dc registry createkey 'HKLM\Software\lab'; pause
}

play() {
  local round=0
  RANDOM=20140501
  rm -f "$OUT"/action.*.out
  echo start,end,machine,label,code >"$OUT/actions.csv"
  start_dc dc2      # fetches what it missed: RPC from controller to controller, which then stays connected for long
  say "second domain controller is up"
  while ((round < ROUNDS)); do background "$((++round))"; done
  replication
  shapes
  decoys
  interlude "$((++round))"
  fan_out
  attempts
  interlude "$((++round))"
  lateral
  pipes
  replication
  interlude "$((++round))"
}
