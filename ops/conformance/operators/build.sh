#!/bin/sh
# Builds operators, an aggregated API server and Helm, as their authors publish them, from the Go module proxy:
#
#   ops/conformance/operators/build.sh DIR [name...]     e.g. build.sh /tmp/operators jobset wardle
#   KUBUS_OPERATORS=DIR npx vitest run ops/conformance/operators
#
# DIR/bin/<name> are the programs, DIR/src/<name> the modules' sources (manifests are read from there). What is there is
# kept. Needs Go 1.26 and the network; a few minutes, most of it client-go.
set -eu
dir=${1:?usage: build.sh DIR [name...]}
shift
mkdir -p "$dir/bin" "$dir/src"
dir=$(cd "$dir" && pwd)

# name, module@version, package of its main
table='
wardle  k8s.io/sample-apiserver@v0.36.3  k8s.io/sample-apiserver
jobset  sigs.k8s.io/jobset@v0.12.0       sigs.k8s.io/jobset
lws     sigs.k8s.io/lws@v0.9.0           sigs.k8s.io/lws/cmd
capi    sigs.k8s.io/cluster-api@v1.14.2  sigs.k8s.io/cluster-api/core
helm    helm.sh/helm/v4@v4.2.4           helm.sh/helm/v4/cmd/helm
'
rows=$(echo "$table" | awk 'NF { print $1 "," $2 "," $3 }')
kubernetes=v1.36.3
libraries=v0.36.3
export GOWORK=off GO111MODULE=on CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-mod=mod -buildvcs=false'
where() { go mod download -json "$1" | awk -F'"' '$2 == "Dir" { print $4 }'; }

cd "$dir"
if [ ! -e go.mod ]; then
  # One module for all of them, with the libraries of the Kubernetes release: so these are compiled once.
  go mod init operators 2>/dev/null
  for row in $rows; do
    at=$(echo "$row" | cut -d, -f2)
    go mod edit -require="$at"
  done
  # A module inside cluster-api's repository, which its own go.mod finds by a path.
  go mod edit -require=sigs.k8s.io/cluster-api/api@v1.14.2
  release=$(where "k8s.io/kubernetes@$kubernetes")
  awk '$1 == "require" { inside = 1; next } /^\)/ { inside = 0 } inside && $1 !~ /^k8s.io\// { print $1 "@" $2 }
       inside && $2 == "v0.0.0" { print $1 "@'"$libraries"'" }' "$release/go.mod" |
    while read -r at; do go mod edit -replace="${at%@*}=$at"; done
fi
for name in ${*:-$(echo "$rows" | cut -d, -f1)}; do
  row=$(echo "$rows" | grep "^$name,") || { echo "build.sh: there is no \"$name\": choose from" $(echo "$rows" | cut -d, -f1) >&2; exit 2; }
  module=$(echo "$row" | cut -d, -f2)
  if [ ! -e "$dir/src/$name" ]; then ln -s "$(where "$module")" "$dir/src/$name"; fi
  if [ -x "$dir/bin/$name" ]; then continue; fi
  echo "$name: $module" >&2
  nice -n 3 go build -p 2 -o "$dir/bin/$name" "$(echo "$row" | cut -d, -f3)"
done
