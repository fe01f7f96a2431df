# Shared by the findings: a temporary folder, pinned packages in it, and a comparison that ends the script.
# Sourced, not run.

set -euo pipefail

work=$(mktemp -d)
root=$work/root
started=()

end_all() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap end_all EXIT
cd "$work"

# npm_packages NAME@VERSION…: installs them in the temporary folder; no install script is run.
npm_packages() {
  echo '{ "private": true, "type": "module" }' >package.json
  npm install --ignore-scripts --no-audit --no-fund --save-exact --loglevel=error "$@" >/dev/null
}

# debian_packages NAME=VERSION…: unpacks them in the temporary folder and puts their programs and libraries first.
debian_packages() {
  mkdir -p deb "$root"
  (cd deb && apt-get -qq -o APT::Sandbox::User=root download "$@") ||
    { echo "Can't have $* (Debian 12; has apt-get update been run?)" >&2 && exit 2; }
  for package in deb/*.deb; do dpkg -x "$package" "$root"; done
  rm -rf deb
  export PATH=$root/usr/bin:$PATH
  local libraries
  libraries=$root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
  export LD_LIBRARY_PATH=$libraries:$root/usr/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export PYTHONPATH=$root/usr/lib/python3/dist-packages
}

# free_ports COUNT: UDP ports of the loopback that nobody has, even ones, each with the odd one above it free too.
free_ports() {
  python3 - "$1" <<'PY'
import socket, sys
held, ports = [], []
while len(ports) < int(sys.argv[1]):
    try:
        pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        pair[0].bind(('127.0.0.1', 0))
        port = pair[0].getsockname()[1]
        pair[1].bind(('127.0.0.1', port + 1))
    except OSError:
        continue
    held.append(pair)
    if port % 2 == 0 and port < 65000:
        ports.append(port)
print(*ports)
PY
}

# sipp_request METHOD CSEQ [USER@ [TAG]]: a request of a SIPp scenario, up to its Max-Forwards.
sipp_request() {
  cat <<TEXT
    $1 sip:${3:-}[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: <sip:[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:${3:-}[remote_ip]:[remote_port]>${4:-}
    Call-ID: [call_id]
    CSeq: $2 $1
    Max-Forwards: 70
TEXT
}

# sipp_session ADDRESS: what follows, in an INVITE or its answer, up to the lines of the media.
sipp_session() {
  cat <<TEXT
    Contact: <sip:[local_ip]:[local_port]>
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=- 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 $1
    t=0 0
TEXT
}

# until_true SECONDS COMMAND…: waits until the command succeeds.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || { echo "in vain: $*" >&2 && exit 2; }
    sleep 0.1
  done
}

# expect WHAT WANTED GOT: says what was got; ends the script with 1 when it is not what was seen once.
expect() {
  printf '%s: %s\n' "$1" "$3"
  [ "$2" = "$3" ] || { printf 'NO LONGER SO. Seen once: %s\n' "$2" >&2 && exit 1; }
}
