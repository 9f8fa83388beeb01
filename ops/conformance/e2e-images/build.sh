#!/bin/sh
# Builds the images that Kubernetes' own e2e tests ask for, without a registry: their programs from the Go module proxy,
# what is below them from Debian.
#
#   ops/conformance/e2e-images/build.sh DIR       then: kubus load DIR/e2e-images.tar
#
# What DIR holds is kept. Needs root (debootstrap), Go 1.26, Node and the network; some five minutes.
set -eu
dir=${1:?usage: build.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$dir/bin" "$dir/mod"
dir=$(cd "$dir" && pwd)
kubernetes=v1.36.3
libraries=v0.36.3
images=k8s.io/kubernetes/test/images
programs="$images/agnhost $images/resource-consumer $images/resource-consumer/consume-cpu $images/sample-device-plugin"
programs="$programs $images/regression-issue-74839 $images/nonewprivs k8s.io/sample-apiserver go.etcd.io/etcd/server/v3"
name_of() { case $1 in go.etcd.io/*) echo etcd ;; *) basename "$1" ;; esac; }
export GOWORK=off GO111MODULE=on CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-mod=mod -buildvcs=false'

source=$(cd "$dir/mod" && go mod download -json "k8s.io/kubernetes@$kubernetes" | awk -F'"' '$2 == "Dir" { print $4 }')
missing=
for program in $programs; do [ -x "$dir/bin/$(name_of "$program")" ] || missing="$missing $program"; done
if [ -n "$missing" ]; then
  cd "$dir/mod"
  # What the release requires, with the modules of its own repository at their published versions.
  awk '/^module / { print "module images"; next } /^replace/ { skip = 1 } !skip { print } skip && /^\)/ { skip = 0 }' "$source/go.mod" |
    sed -E "s#^(\s+k8s.io/[a-z-]+) v0\.0\.0#\1 $libraries#" >go.mod
  go mod edit -require="k8s.io/kubernetes@$kubernetes"
  for module in $(awk '$1 ~ /^k8s\.io\// && $2 == "v0.0.0" { print $1 }' "$source/go.mod"); do
    go mod edit -replace="$module=$module@$libraries"
  done
  {
    printf '//go:build tools\npackage tools\nimport (\n'
    for program in $programs; do echo "_ \"$program\""; done
    echo ')'
  } >tools.go
  go mod tidy -e >tidy.log 2>&1 || true
  for program in $missing; do
    echo "building $program"
    go build -ldflags '-s -w' -o "$dir/bin/$(name_of "$program")" "$program"
  done
fi
if [ ! -e "$dir/root/.complete" ]; then
  echo 'collecting Debian packages'
  command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' | awk '$2 == "Debian" { print $1; exit }')
  rm -rf "$dir/root"
  # What it mounts is gone with its own mount namespace.
  unshare --mount debootstrap --variant=minbase \
    --include=bind9-dnsutils,curl,iperf,iproute2,netcat-openbsd,nginx-light,stress,wget bookworm "$dir/root" "$mirror" >"$dir/base.log"
  (cd "$dir/root" && rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/i18n usr/share/zoneinfo var/cache/apt var/lib/apt/lists)
  : >"$dir/root/.complete"
fi
node "$here/images.ts" "$dir" "$source/test/images"
