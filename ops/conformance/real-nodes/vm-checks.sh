#!/bin/sh
# What vm.sh does on its machine: a cluster with one real node and an app on it, a line a check; exit status 1 where one fails.
# Patient, since such a machine is slow. PROXY_MODE: who brings Services (nftables).
set -u
export HOME=/root XDG_CACHE_HOME=/root/cache KUBECONFIG=/root/kubeconfig
mode=${PROXY_MODE:-nftables}
failed=0
kubus() { node --disable-warning=ExperimentalWarning --max-semi-space-size=8 --heap-growing-percent=50 /root/bundle/kubus.mjs "$@"; }
check() {
  what=$1
  shift
  if "$@" >/root/said 2>&1; then echo "ok   $what"; else
    failed=1
    echo "FAIL $what"
    tail -n 8 /root/said | cut -c 1-300
  fi
}
# says TEXT COMMAND...: the command's output holds TEXT. waits SECONDS COMMAND...: it succeeds within them.
says() { text=$1; shift; "$@" | tee /dev/stderr | grep -q -F -- "$text"; }
waits() {
  end=$(($(date +%s) + $1))
  shift
  until "$@"; do [ "$(date +%s)" -lt $end ] || return 1; sleep 2; done
}
none() { ! "$@"; }

cp -r /out/bundle /root/bundle
mkdir -p "$XDG_CACHE_HOME/kubus/bin"
cp /out/tools/nats-server /out/tools/kubectl "$XDG_CACHE_HOME/kubus/bin/"
uname -sr
containerd --version
check 'doctor finds all that real nodes need' kubus doctor --runtime cri
check "up, with one real node and its services by $mode" kubus up --runtime cri --nodes 1 --proxy-mode "$mode" --ephemeral --detach --wait
for image in tools-1 web-1; do check "load $image" kubus load "/out/images/$image.tar"; done
kubectl apply -f - >/dev/null <<'Y'
apiVersion: v1
kind: Pod
metadata: { name: bounded }
spec:
  terminationGracePeriodSeconds: 2
  containers:
    - { name: c, image: registry.local/tools:1, resources: { requests: { cpu: 100m, memory: 32Mi }, limits: { cpu: 200m, memory: 64Mi } } }
---
apiVersion: v1
kind: Pod
metadata: { name: greedy }
spec:
  restartPolicy: Never
  containers:
    - { name: c, image: registry.local/tools:1, command: [sh, -c, 'a=x; while :; do a=$a$a$a$a; done'], resources: { limits: { memory: 24Mi } } }
---
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec:
  terminationGracePeriodSeconds: 2
  containers: [{ name: c, image: registry.local/web:1, ports: [{ containerPort: 8080 }] }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }
Y
check 'pods run' kubectl wait --for=condition=Ready pod/bounded pod/web --timeout=300s
node=$(kubectl get nodes -o 'jsonpath={.items[0].metadata.name}')
bounds='cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null'
check 'the kernel keeps a container within its memory' says 67108864 kubectl exec bounded -- sh -c "$bounds"
of_pod() { find /sys/fs/cgroup -type d -name "pod$(kubectl get pod "$1" -o 'jsonpath={.metadata.uid}')" | head -n 1; }
[ -e /sys/fs/cgroup/cgroup.controllers ] &&
  check 'and its pod within its share of the processors' says '20000 100000' cat "$(of_pod bounded)/cpu.max"
check 'who takes more memory than it may is OOMKilled' waits 60 says OOMKilled kubectl get pod greedy
check 'a Service answers by name' waits 60 says yes kubectl exec bounded -- wget -q -O - http://web/ready
[ "$mode" = ipvs ] && check 'by ipvs' says "$(kubectl get service web -o 'jsonpath={.spec.clusterIP}'):80" nsenter -t "$(pgrep -o containerd)" -n ipvsadm -Ln
check 'what pods use is counted' says workingSetBytes kubectl get --raw "/api/v1/nodes/$node/proxy/stats/summary"
kubectl patch pod bounded --subresource resize -p '{"spec":{"containers":[{"name":"c","resources":{"limits":{"memory":"96Mi"}}}]}}' >/dev/null
check 'a pod is resized in place' waits 60 says 100663296 kubectl exec bounded -- sh -c "$bounds"
check 'the certificate of the node is signed' says Approved,Issued kubectl get csr
check 'down' kubus down
check 'no cgroup is left' none says kubus find /sys/fs/cgroup -type d
check 'no mount is left' none says kubus cat /proc/mounts
check 'no link is left' none says kb ip -o -br link
check 'no rule is left' none says kubus nft list ruleset
[ -s /root/.local/share/kubus/clusters/kubus/logs/up.log ] && tail -n 20 /root/.local/share/kubus/clusters/kubus/logs/up.log
exit $failed
