# shellcheck shell=bash disable=SC2034
# The machines of the lab. Sourced by record.sh, which sets NET (prefix of the namespaces), STATE (scratch folder) and
# PASSWORD.
#
# A machine is a network namespace `$NET-NAME` plus one process that holds a mount and a host-name namespace open.
# Everything started "on" a machine joins all three, so it sees one address, one host name, one /etc/hosts and one
# /run/samba: to Samba it is a computer of its own. Nothing connects the lab to the machine it runs on.

declare -A ADDRESS=(
  [dc]=10.77.0.10 [dc2]=10.77.0.11                                   # domain controllers
  [c1]=10.77.0.21 [c2]=10.77.0.22 [c3]=10.77.0.23 [c4]=10.77.0.24    # workstations
  [lx]=10.77.0.30                                                    # Linux server: web, no RPC service
)
MACHINES=(dc dc2 c1 c2 c3 c4 lx)
WORKSTATIONS=(c1 c2 c3 c4)
WINDOWS_PORTS='49152 65535'     # client ports of Windows since Vista
LINUX_PORTS='32768 49151'       # client ports of other systems and of NAT: the published rule misses them

on() { # on MACHINE COMMAND...: run a command on a machine (its working directory is /)
  nsenter --target "$(<"$STATE/$1/pid")" --mount --net --uts -- "${@:2}"
}

wait_for() { # wait_for SECONDS COMMAND...: until the command succeeds
  local end=$((SECONDS + $1))
  until "${@:2}" >/dev/null 2>&1; do
    ((SECONDS < end)) || { echo "error: still waiting after $1 s for: ${*:2}" >&2; return 1; }
    sleep 0.05
  done
}

quietly() { # quietly FILE COMMAND...: output goes to the file, and to stderr if the command fails
  "${@:2}" >"$1" 2>&1 || { echo "error: failed: ${*:2:4} ..." >&2; tail -n 20 "$1" >&2; return 1; }
}

is_listening() { # is_listening MACHINE PORT...: looks at the sockets and sends nothing
  local port
  for port in "${@:2}"; do on "$1" ss -Hltn "sport = :$port" | grep -q . || return 1; done
}

# --- namespaces ------------------------------------------------------------------------------------------------------

hold() { # keep the machine's namespaces open; the process id is written when they are ready
  # Two paths are compiled into Samba, so each machine gets a folder of its own there: winbindd's socket ("winbindd
  # socket directory" moves the server's end only) and the logs of the RPC workers, opened before smb.conf is read.
  mkdir -p "$STATE/$1" /run/samba /var/log/samba
  # shellcheck disable=SC2016
  ip netns exec "$NET-$1" unshare --uts sh -c \
    'hostname "$1" && mount -t tmpfs tmpfs /run/samba && mount -t tmpfs tmpfs /var/log/samba && echo $$ >"$2" &&
      exec sleep infinity' hold "$1" "$STATE/$1/pid" &
  wait_for 5 test -s "$STATE/$1/pid"
}

add_switch() {
  ip netns add "$NET-sw"
  ip -n "$NET-sw" link set lo up
  ip -n "$NET-sw" link add br0 type bridge
  ip -n "$NET-sw" link set br0 up
  hold sw
}

add_machine() { # add_machine NAME CLIENT_PORTS
  local ns=$NET-$1 name
  ip netns add "$ns"
  ip -n "$ns" link set lo up
  ip -n "$NET-sw" link add "p-$1" type veth peer name eth0 netns "$ns"
  ip -n "$NET-sw" link set "p-$1" master br0 up
  ip -n "$ns" addr add "${ADDRESS[$1]}/24" dev eth0
  ip -n "$ns" link set eth0 up
  # With offloading the capture would show frames of up to 64 kB with wrong checksums.
  ip netns exec "$ns" ethtool -K eth0 tso off gso off gro off tx off >/dev/null
  ip netns exec "$ns" sysctl -qw net.ipv4.ip_local_port_range="$2"
  # `ip netns exec` puts these two files over the real ones.
  mkdir -p "/etc/netns/$ns"
  printf 'nameserver %s\nsearch lab.example\n' "${ADDRESS[dc]}" >"/etc/netns/$ns/resolv.conf"
  {
    echo '127.0.0.1 localhost'
    for name in "${MACHINES[@]}"; do echo "${ADDRESS[$name]} $name.lab.example $name"; done
  } >"/etc/netns/$ns/hosts"
  hold "$1"
}

end_processes() { # end_processes NAME: of this namespace, by process id; TERM first, KILL for what is left
  local signal pid
  for signal in TERM KILL; do
    for pid in $(ip netns pids "$NET-$1"); do kill "-$signal" "$pid" 2>/dev/null || true; done
    wait_for 3 no_processes "$1" 2>/dev/null && return 0
  done
}

no_processes() { [[ -z $(ip netns pids "$NET-$1") ]]; }

remove_machine() {
  [[ -e /run/netns/$NET-$1 ]] || return 0
  end_processes "$1"
  ip netns del "$NET-$1"
  rm -rf "/etc/netns/$NET-$1"
}

# --- Samba -----------------------------------------------------------------------------------------------------------

dc_options() { # dc_options NAME: settings that keep a domain controller inside its folder and its namespace
  local dir=$STATE/$1
  printf -- '--option=%s\n' "interfaces=lo eth0" "bind interfaces only=yes" "dns forwarder=" \
    "pid directory=$dir" "ncalrpc dir=$dir/ncalrpc" "ntp signd socket directory=$dir/ntp_signd" "log file=$dir/log.%m" \
    "rpc server dynamic port range=49152-65535" "dreplsrv:periodic_startup_interval=3" "dreplsrv:periodic_interval=20"
}

base_conf() { # base_conf NETBIOS_NAME: the beginning of an smb.conf
  printf '[global]\nnetbios name = %s\nworkgroup = LAB\nrealm = LAB.EXAMPLE\n' "$1"
}

start_dc() { # start_dc NAME: -M prefork, because with -M single replication between two controllers hangs
  mkdir -p "$STATE/$1/ncalrpc"
  on "$1" setsid samba -s "$STATE/$1/etc/smb.conf" -F --debug-stdout -M prefork >"$STATE/$1/samba.out" 2>&1 &
  wait_for 30 is_listening "$1" 135 49152 445 389 88
}

first_dc() {
  local options
  mapfile -t options < <(dc_options dc)
  # `provision -s` wants an existing file; --targetdir makes it write the real one.
  { base_conf DC; echo 'server role = active directory domain controller'; } >"$STATE/dc/provision.conf"
  quietly "$STATE/dc/provision.out" \
    on dc samba-tool domain provision -s "$STATE/dc/provision.conf" --realm=LAB.EXAMPLE --domain=LAB --server-role=dc \
    --dns-backend=SAMBA_INTERNAL --adminpass="$PASSWORD" --host-name=dc --host-ip="${ADDRESS[dc]}" \
    --targetdir="$STATE/dc" "${options[@]}"
  start_dc dc
}

second_dc() { # joins, and is started later: the first replication is 9.5 MB, which no recording needs
  local options
  mapfile -t options < <(dc_options dc2)
  base_conf DC2 >"$STATE/dc2/join.conf"
  quietly "$STATE/dc2/join.out" \
    on dc2 samba-tool domain join lab.example DC -s "$STATE/dc2/join.conf" -UAdministrator --password="$PASSWORD" \
    --server=dc.lab.example --dns-backend=SAMBA_INTERNAL --targetdir="$STATE/dc2" "${options[@]}"
}

workstation_conf() {
  local dir=$STATE/$1
  base_conf "${1^^}"
  cat <<CONF
security = ads
interfaces = lo eth0
bind interfaces only = yes
# Otherwise smbd starts the RPC helpers, for named pipes only, and nothing listens on 135/tcp.
rpc start on demand helpers = no
private dir = $dir
lock directory = $dir
state directory = $dir
cache directory = $dir
pid directory = $dir
ncalrpc dir = $dir/ncalrpc
log file = $dir/log.%m
idmap config * : backend = tdb
idmap config * : range = 10000-19999
CONF
}

workstation() { # a domain member that offers RPC over TCP, as every Windows computer does
  local name=$1 conf=$STATE/$1/smb.conf
  mkdir -p "$STATE/$name/ncalrpc"
  workstation_conf "$name" >"$conf"
  quietly "$STATE/$name/join.out" \
    on "$name" net -s "$conf" ads join -U "Administrator%$PASSWORD" -S dc.lab.example --no-dns-updates
  on "$name" setsid /usr/libexec/samba/samba-dcerpcd -s "$conf" -F --debug-stdout --libexec-rpcds \
    >"$STATE/$name/dcerpcd.out" 2>&1 &
  wait_for 20 is_listening "$name" 135 49152 49153 49154
  # winbindd is the member's line to its domain: it checks the callers of the RPC service, over RPC.
  on "$name" setsid winbindd -s "$conf" -F --no-process-group >"$STATE/$name/winbindd.out" 2>&1 &
  wait_for 20 on "$name" wbinfo --ping-dc
}

client_conf() { # client_conf NAME: the smb.conf that the clients on this machine use
  local conf=$STATE/$1/smb.conf
  [[ -e $conf ]] || { mkdir -p "$STATE/$1"; workstation_conf "$1" >"$conf"; }
  echo "$conf"
}
