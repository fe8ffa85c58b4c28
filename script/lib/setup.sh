# shellcheck shell=bash
# What script/server and script/test need on a machine, and how it gets there.
# Sourced, not run. Every `need_*` is quiet and quick when its thing is already there; otherwise it
# installs it through apt-get (as root, or where sudo asks no password) and says so, or it prints
# the command to run and ends the script. Nothing is ever skipped in silence.

# The oldest Node that the tools in package.json run on, and the one fetched where the system's is older.
readonly NODE_WANTED='22.12.0 or newer, or 20.19.0 or newer of the 20 line'
readonly NODE_FALLBACK='22.23.3'
readonly POSTGRES_OLDEST=15

say() { printf '==> %s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }

can_install() { have apt-get && as_root true 2>/dev/null; }

# The one way to install Debian packages. $1 is what they are for, the rest are package names.
apt_install() {
  local purpose=$1
  shift
  if ! have apt-get; then
    fail "$purpose is missing and there is no apt-get here. $(without_apt "$@")"
  fi
  if ! can_install; then
    fail "$purpose is missing. Run: sudo apt-get install $*"
  fi
  say "installing $purpose (apt-get install $*)"
  # The package lists may be stale or absent (a fresh container): refresh them once.
  if [ -z "${apt_lists_fresh:-}" ]; then
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null ||
      say 'apt-get update failed; going on with the package lists there are'
    apt_lists_fresh=yes
  fi
  local log
  log=$(mktemp)
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" \
    </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    fail "apt-get could not install: $*"
  fi
  rm -f "$log"
}

# What to tell somebody whose system has no apt-get.
without_apt() {
  if have brew; then
    case "$*" in
      *postgresql*) echo 'Run: brew install postgresql@17' ;;
      *chromium*) echo 'Run: brew install --cask chromium (or set CHROMIUM to a Chromium or Chrome)' ;;
      *) echo "Run: brew install $*" ;;
    esac
  else
    echo "Install it with your system's package manager (Debian calls it: $*)."
  fi
}

# --- to build -----------------------------------------------------------------------------------

need_cargo() {
  if ! have cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then
    PATH="$HOME/.cargo/bin:$PATH"
    export PATH
  fi
  have cargo || fail 'Rust is missing. Install it from https://rustup.rs and run this again.'
  # Rust links with the system's C compiler, and aws-lc-rs compiles C.
  have cc || apt_install 'a C compiler' gcc libc6-dev
}

# $1 is the component's name with rustup, $2 its cargo subcommand.
need_cargo_component() {
  cargo "$2" --version >/dev/null 2>&1 && return
  have rustup || fail "cargo $2 is missing. Install the Rust component '$1'."
  say "installing the Rust component $1 (rustup component add $1)"
  rustup component add "$1"
}

# Where cargo puts what it builds: CARGO_TARGET_DIR and cargo's own configuration are honoured.
cargo_target_dir() {
  cargo metadata --no-deps --locked --format-version 1 |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# --- to run -------------------------------------------------------------------------------------

# Prints the directory that holds PostgreSQL's server programs: the first that is new enough, looked for
# where the service looks (src/db/postgres_binaries.rs).
find_postgres() {
  local bindir version candidates=()
  if [ -n "${PLEDGES_POSTGRES_BIN:-}" ]; then
    candidates=("$PLEDGES_POSTGRES_BIN")
  else
    if have initdb; then candidates+=("$(dirname "$(realpath "$(command -v initdb)")")"); fi
    if have pg_config; then candidates+=("$(pg_config --bindir 2>/dev/null || true)"); fi
    candidates+=(/usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql*
      /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin)
  fi
  for bindir in "${candidates[@]}"; do
    if [ -x "$bindir/initdb" ] && [ -x "$bindir/postgres" ] && [ -x "$bindir/pg_ctl" ]; then
      version=$("$bindir/postgres" --version | sed -n 's/.* \([0-9][0-9]*\)[.a-z].*/\1/p')
      if [ "${version:-0}" -ge "$POSTGRES_OLDEST" ]; then
        printf '%s\n' "$bindir"
        return 0
      fi
    fi
  done
  return 1
}

# PostgreSQL's server programs, unless the caller brings a server with DATABASE_URL.
need_postgres() {
  if [ -n "${DATABASE_URL:-}" ]; then
    say 'DATABASE_URL is set: using that PostgreSQL, installing and starting none'
    return
  fi
  need_postgres_programs
}

need_postgres_programs() {
  find_postgres >/dev/null && return
  if [ -n "${PLEDGES_POSTGRES_BIN:-}" ]; then
    fail "PLEDGES_POSTGRES_BIN=$PLEDGES_POSTGRES_BIN holds no PostgreSQL $POSTGRES_OLDEST or newer"
  fi
  # Debian would also make and start a system-wide cluster. Nobody asked for one: held back meanwhile.
  local settings=/etc/postgresql-common held_back=''
  if can_install; then
    apt_install "PostgreSQL's common files" postgresql-common
    if grep -q '^include_dir.*createcluster.d' "$settings/createcluster.conf"; then
      held_back=$settings/createcluster.d/pledges-setup.conf
      as_root mkdir -p "$settings/createcluster.d"
      echo 'create_main_cluster = false' | as_root tee "$held_back" >/dev/null
    fi
  fi
  apt_install 'PostgreSQL' postgresql
  if [ -n "$held_back" ]; then as_root rm -f "$held_back"; fi
  find_postgres >/dev/null ||
    fail "apt-get has no PostgreSQL $POSTGRES_OLDEST or newer; install one and run this again"
}

# --- to test ------------------------------------------------------------------------------------

need_curl() { have curl || apt_install curl curl; }

# Sets $promtool, which reads /metrics as Prometheus would. Debian's package would also start a server, so only the one
# program is taken out of it, below the target directory at $1.
need_promtool() {
  local folder=$1/promtool
  promtool=$folder/usr/bin/promtool
  if have promtool; then promtool=$(command -v promtool); fi
  if [ -x "$promtool" ]; then return; fi
  if ! have apt-get || ! have dpkg-deb; then
    fail "promtool is missing. $(without_apt prometheus)"
  fi
  say 'fetching promtool (apt-get download prometheus) into the target directory'
  mkdir -p "$folder"
  if ! (cd "$folder" && apt-get -qq download prometheus) 2>/dev/null; then
    as_root apt-get -qq update
    (cd "$folder" && apt-get -qq download prometheus)
  fi
  dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb | tar -x -C "$folder" ./usr/bin/promtool
  rm -f "$folder"/prometheus_*.deb
}

# The tests make and use keys with the programs that organisers have.
need_age() { if ! have age || ! have age-keygen; then apt_install age age; fi; }

need_shellcheck() { have shellcheck || apt_install shellcheck shellcheck; }

# Python 3.11 or newer (tomllib) with venv.
need_python() {
  if ! have python3; then apt_install 'Python 3' python3 python3-venv; fi
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail 'python3 is older than 3.11; install a newer Python and run this again'
}

# A private Python environment with the packages pinned in $2, under the target directory at $1.
need_python_packages() {
  local venv=$1 requirements=$2
  need_python
  if [ -x "$venv/bin/python" ] && cmp -s "$requirements" "$venv/installed-requirements.txt"; then return; fi
  say "installing the Python packages of $(basename "$(dirname "$requirements")")/requirements.txt into a venv"
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install "Python's venv" python3-venv
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --only-binary :all: --requirement "$requirements" </dev/null
  cp "$requirements" "$venv/installed-requirements.txt"
}

node_is_new_enough() {
  have node && node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1);'
}

# Node and npm. Where the system's Node is too old (Debian 12 has 18), the npm registry has newer
# ones as a package: that goes below the target directory at $1 and nowhere else.
need_node() {
  local target=$1 platform
  have node || apt_install 'Node.js' nodejs
  have npm || apt_install npm npm
  local newer=$target/node/node_modules
  if node_is_new_enough; then return; fi
  case "$(uname -sm)" in
    'Linux x86_64') platform=linux-x64 ;;
    'Linux aarch64') platform=linux-arm64 ;;
    *) fail "node $(node --version) is too old: the tests need $NODE_WANTED" ;;
  esac
  if [ ! -x "$newer/node-$platform/bin/node" ]; then
    say "node $(node --version) is too old; fetching node $NODE_FALLBACK through npm into target/node"
    mkdir -p "$target/node"
    npm install --prefix "$target/node" --no-save --ignore-scripts --no-fund --no-audit --loglevel=error \
      "node-$platform@$NODE_FALLBACK" </dev/null
  fi
  PATH="$newer/node-$platform/bin:$PATH"
  export PATH
  node_is_new_enough || fail "the tests need node $NODE_WANTED"
}

# The packages of package-lock.json, exactly.
need_node_packages() {
  need_node "$1"
  if cmp -s package-lock.json node_modules/installed-lock.json; then return; fi
  say 'installing the npm packages of package-lock.json (npm ci)'
  npm ci --loglevel=error </dev/null
  cp package-lock.json node_modules/installed-lock.json
}

# Sets and exports CHROMIUM, the browser of the browser tests.
need_chromium() {
  local name
  if [ -z "${CHROMIUM:-}" ]; then
    for name in chromium chromium-browser google-chrome; do
      if have "$name"; then
        CHROMIUM=$(command -v "$name")
        break
      fi
    done
  fi
  if [ -z "${CHROMIUM:-}" ] && [ -x /Applications/Chromium.app/Contents/MacOS/Chromium ]; then
    CHROMIUM=/Applications/Chromium.app/Contents/MacOS/Chromium
  fi
  if [ -z "${CHROMIUM:-}" ]; then
    # DejaVu has Latin, Cyrillic and Arabic; without any font a page has no widths worth measuring.
    apt_install Chromium chromium fonts-dejavu-core
    CHROMIUM=$(command -v chromium) || fail 'chromium was installed but is not found'
  fi
  export CHROMIUM
}
