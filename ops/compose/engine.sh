#!/bin/sh
# A container engine for development where there is none: dockerd, the compose plugin and a base image, all from Debian, all
# below one folder; no image registry is asked and no package is installed. Needs root, and apt on Debian.
#
#   ops/compose/engine.sh start     fetches what is missing, starts dockerd, prints the variables to use:
#                                   eval "$(ops/compose/engine.sh start)"
#   ops/compose/engine.sh env       prints them again
#   ops/compose/engine.sh stop      ends it, removes its data and puts the machine's network back as it was
#   ops/compose/engine.sh purge     the same, and removes what was fetched
#
# KUBUS_ENGINE_DIR (default /tmp/kubus-engine) is the folder; after KUBUS_ENGINE_SECONDS (default 7200) dockerd ends by itself.
set -eu

dir=${KUBUS_ENGINE_DIR:-/tmp/kubus-engine}
seconds=${KUBUS_ENGINE_SECONDS:-7200}
suite=trixie
base=kubus-base:$suite
tools="$dir/tools"
socket="unix://$dir/docker.sock"

say() { printf '%s\n' "engine: $*" >&2; }
die() { say "$*"; exit 1; }
is_up() { [ -f "$dir/dockerd.pid" ] && kill -0 "$(cat "$dir/dockerd.pid")" 2>/dev/null; }
use_tools() {
  PATH="$tools/usr/sbin:$tools/usr/bin:$PATH"
  LD_LIBRARY_PATH=$(echo "$tools"/usr/lib/*-linux-gnu)
  DOCKER_HOST=$socket
  DOCKER_CONFIG="$dir/config"
  export PATH LD_LIBRARY_PATH DOCKER_HOST DOCKER_CONFIG
  # Programs that the machine has were not fetched, nor what they load.
  for libraries in "$tools"/usr/lib/*-linux-gnu/xtables; do
    if [ -d "$libraries" ]; then export XTABLES_LIBDIR="$libraries"; fi
  done
}
print_env() {
  echo "export DOCKER_HOST='$socket' DOCKER_CONFIG='$dir/config' KUBUS_BASE='$base' PATH='$dir/config/bin:'\"\$PATH\""
}

# The machine's own Debian mirror: its first source may belong to another vendor.
mirror_of_debian() {
  found=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' 2>/dev/null | sed -n 's/ Debian$//p' | head -n 1)
  echo "${found:-http://deb.debian.org/debian/}"
}
fetch_tools() {
  [ -f "$tools/.done" ] && return
  say "fetching dockerd, containerd, compose and debootstrap (once)"
  apt="$dir/apt"
  rm -rf "$tools" "$apt"
  mkdir -p "$tools" "$apt/cache/archives/partial" "$apt/lists/partial" "$apt/debs"
  apt-get -qq update >/dev/null 2>&1 || true
  # With their libraries, as far as this machine lacks them.
  apt-get -qq -y --no-install-recommends -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root --download-only install \
    docker.io containerd runc iptables debootstrap >/dev/null || die "apt cannot fetch docker.io"
  # The stable suites' own compose may be the one of Python; this one is a single file that runs anywhere.
  echo "deb $(mirror_of_debian) $suite main" >"$apt/sources.list"
  : >"$apt/status"
  set -- -qq -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::Lists=$apt/lists" \
    -o "Dir::Cache=$apt/cache" -o "Dir::State::status=$apt/status" -o APT::Sandbox::User=root -o Acquire::Languages=none
  apt-get "$@" update >/dev/null || die "apt cannot reach $suite"
  (cd "$apt/debs" && apt-get "$@" download docker-compose docker-cli) || die "apt cannot fetch docker-compose"
  for deb in "$apt"/cache/archives/*.deb "$apt"/debs/*.deb; do dpkg -x "$deb" "$tools"; done
  # What update-alternatives would have done.
  if [ -e "$tools/usr/sbin/xtables-nft-multi" ]; then
    for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
      ln -sf xtables-nft-multi "$tools/usr/sbin/$name"
    done
  fi
  mkdir -p "$dir/config/cli-plugins" "$dir/config/bin"
  cp "$tools/usr/libexec/docker/cli-plugins/docker-compose" "$dir/config/cli-plugins/docker-compose"
  cp "$tools/usr/bin/docker" "$dir/config/bin/docker"
  rm -rf "$apt"
  touch "$tools/.done"
}
# Smallest Debian, as a tarball; with the authorities that this machine trusts and its ways of fetching, so that builds reach
# what it reaches.
make_base() {
  [ -f "$dir/base.tar" ] && return
  say "making the base image (once, a minute or two)"
  root="$dir/rootfs"
  rm -rf "$root"
  set -- debootstrap
  [ -e "$tools/usr/sbin/debootstrap" ] && set -- env "DEBOOTSTRAP_DIR=$tools/usr/share/debootstrap" "$tools/usr/sbin/debootstrap"
  "$@" --variant=minbase --include=ca-certificates "$suite" "$root" "$(mirror_of_debian)" >"$dir/debootstrap.log" 2>&1 ||
    { tail -n 5 "$dir/debootstrap.log" >&2; die "debootstrap failed"; }
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* "$root"/usr/share/man/* \
    "$root"/usr/share/locale/* "$root"/var/log/*
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  apt-config dump | grep -E '^Acquire::(https?::|Check-Valid-Until)' >"$root/etc/apt/apt.conf.d/99machine" || true
  tar -C "$root" -cf "$dir/base.tar" .
  rm -rf "$root"
}
start() {
  [ "$(id -ru 2>/dev/null)" = 0 ] || [ -w /proc/sys/net/ipv4/ip_forward ] || die "only root can start dockerd"
  mkdir -p "$dir"
  fetch_tools
  make_base
  use_tools
  if ! is_up; then
    cat /proc/sys/net/ipv4/ip_forward >"$dir/ip_forward"
    [ -f "$dir/iptables" ] || iptables-save >"$dir/iptables"
    # Debug and trace output off; containers' logs bounded.
    setsid timeout "$seconds" dockerd --host "$socket" --data-root "$dir/data" --exec-root "$dir/exec" \
      --pidfile "$dir/docker.pid" --log-opt max-size=5m --log-opt max-file=2 >"$dir/dockerd.log" 2>&1 </dev/null &
    echo $! >"$dir/dockerd.pid"
    i=0
    until docker version >/dev/null 2>&1; do
      i=$((i + 1))
      is_up || { tail -n 5 "$dir/dockerd.log" >&2; die "dockerd ended"; }
      [ $i -lt 300 ] || die "dockerd does not answer: see $dir/dockerd.log"
      sleep 0.2
    done
  fi
  docker image inspect "$base" >/dev/null 2>&1 || docker import "$dir/base.tar" "$base" >/dev/null
  print_env
}
stop() {
  [ -f "$dir/dockerd.pid" ] || return 0
  use_tools
  if is_up; then
    running=$(docker ps -q)
    # shellcheck disable=SC2086
    [ -z "$running" ] || docker rm -f $running >/dev/null 2>&1 || true
    docker network prune -f >/dev/null 2>&1 || true
    kill "$(cat "$dir/dockerd.pid")" 2>/dev/null || true
    i=0
    while is_up && [ $i -lt 150 ]; do i=$((i + 1)); sleep 0.2; done
    if is_up; then die "dockerd does not end: see $dir/dockerd.log"; fi
  fi
  if [ -f "$dir/iptables" ]; then
    # What there was before; the tables that dockerd made would otherwise stay.
    for table in filter nat mangle raw; do
      iptables -t $table -F 2>/dev/null || true
      iptables -t $table -X 2>/dev/null || true
    done
    iptables-restore <"$dir/iptables" || true
    cat "$dir/ip_forward" >/proc/sys/net/ipv4/ip_forward || true
  fi
  ip link delete docker0 2>/dev/null || true
  rm -rf "$dir/data" "$dir/exec" "$dir/dockerd.pid" "$dir/docker.pid" "$dir/docker.sock" "$dir/iptables" "$dir/ip_forward"
}

case "${1:-}" in
  start) start ;;
  env) print_env ;;
  stop) stop ;;
  purge) stop; rm -rf "$dir" ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
