# Sourced by the other scripts: installs what a fresh Debian machine lacks. Says what it does, and what to do where it can't.

# Node keeps there what it has compiled, so that every start after the first takes half the time.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$PWD/node_modules/.cache/node-compile}"

fail() {
  printf 'denwaban: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'remedy:   %s\n' "$2" >&2
  exit 1
}

# Node packages, node@26 among them, as package-lock.json has them. Done again only when the lock file has changed.
setup_packages() {
  command -v node >/dev/null 2>&1 || fail "Node.js is missing" "Install Node.js 20 or newer with npm, then run this again"
  command -v npm >/dev/null 2>&1 || fail "npm is missing" "Install npm (it comes with Node.js), then run this again"
  local major
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || fail "Node.js $(node --version) is too old" "Install Node.js 20 or newer"
  local lock stamp
  lock=$(sha256sum package-lock.json | cut -d' ' -f1)
  stamp=node_modules/.denwaban-setup
  if [ "$(cat "$stamp" 2>/dev/null)" != "$lock" ]; then
    echo 'denwaban: installing npm packages (once; some minutes on a slow line) …' >&2
    # Node 26 as npm has it needs this library, which a small Debian does not have.
    [ -n "$(ls /usr/lib/libatomic.so.1 /usr/lib*/*/libatomic.so.1 2>/dev/null)" ] || setup_debian libatomic=libatomic1
    trap 'fail "stopped while packages were being installed" "Run it again"' INT TERM
    npm ci --no-audit --no-fund --loglevel=error >&2 || fail "npm ci failed" "Its message is above; the network or a proxy is the usual cause"
    # npm can be set to run no install scripts; the Node we run is put in place by one.
    [ -x node_modules/.bin/node ] && node_modules/.bin/node --version >/dev/null 2>&1 ||
      npm rebuild node --ignore-scripts=false --loglevel=error >&2 ||
      fail "node@26 could not be set up" "Allow install scripts for the package 'node' (npm config set ignore-scripts false)"
    printf '%s' "$lock" >"$stamp"
    trap - INT TERM
  fi
}

# What denwaban says by itself (for whom an agent answers, texts of flows) needs a voice; without one it still works, and
# says so when it starts. A Japanese one is in Debian's contrib, where that is switched on. What could not be installed is
# not tried again: a machine without network should not wait for it at every start.
setup_voices() {
  local voice=hts-voice-nitech-jp-atr503-m001 failed=node_modules/.denwaban-no-voices
  [ ! -e "$failed" ] || return 0
  (setup_debian espeak-ng=espeak-ng) || touch "$failed"
  if [ ! -d /usr/share/hts-voice/nitech-jp-atr503-m001 ] && apt-cache policy "$voice" 2>/dev/null | grep -q 'Candidate: [0-9]'; then
    # The names of voice and dictionary are no commands': they are missing.
    (setup_debian open_jtalk=open-jtalk voice="$voice" dictionary=open-jtalk-mecab-naist-jdic) || touch "$failed"
  fi
  [ ! -e "$failed" ] || echo "denwaban: going on without voices; to try again: rm $failed" >&2
}

# setup_debian <command>=<package> …: installs the packages whose command is missing.
setup_debian() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${pair%%=*}" ] || missing+=("${pair##*=}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || fail "missing: ${missing[*]}" "Run as root: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  command -v apt-get >/dev/null 2>&1 || fail "missing: ${missing[*]}" "Install them with this system's package manager"
  echo "denwaban: installing ${missing[*]} …" >&2
  { "${sudo[@]}" apt-get -qq update &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"; } >&2 </dev/null ||
    fail "apt-get could not install ${missing[*]}" "Its message is above; install them by hand and run this again"
}
