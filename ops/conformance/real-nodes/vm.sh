#!/bin/sh
# Real nodes on a machine of another kind than this one: Debian in a virtual machine, with its kernel (cgroups of the second
# version, ipvs, SCTP) and its containerd. Runs a command there as root, or else vm-checks.sh beside this.
#
#   ops/conformance/real-nodes/vm.sh DIR [COMMAND...]      such as: vm.sh /tmp/vm sh -c 'cd /src && ./kubus doctor'
#
# This checkout is /src there, read-only; /out is DIR/out here, with a bundle of it, images and programs. What DIR holds is
# kept: another SUITE, or a fresh start, wants another DIR. Exit status is the command's. Needs root, qemu-system-x86,
# debootstrap, busybox-static, and nats-server and kubectl on PATH or where kubus keeps them.
#
# SUITE (trixie), PROXY_MODE (nftables), MEMORY_MB (6000), MINUTES (30, then it ends by force), KERNEL_ARGS (more words for the
# kernel), ACCEL (tcg: works everywhere, twenty times slower than the machine; kvm where that works).
set -eu
dir=${1:?usage: vm.sh DIR [COMMAND...]}
shift
[ $# -gt 0 ] || set -- env "PROXY_MODE=${PROXY_MODE:-nftables}" sh /src/ops/conformance/real-nodes/vm-checks.sh
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
source=$(CDPATH='' cd -- "$here/../../.." && pwd -P)
suite=${SUITE:-trixie}
mkdir -p "$dir/out"
dir=$(CDPATH='' cd -- "$dir" && pwd -P)
root="$dir/root"
packages='linux-image-amd64,initramfs-tools,systemd-sysv,udev,kmod,iproute2,containerd,runc,containernetworking-plugins,nftables,iptables,conntrack,ipvsadm,ipset,busybox-static,ca-certificates,util-linux,mount,procps,curl'

for program in qemu-system-x86_64 debootstrap mkfs.ext4; do
  command -v "$program" >/dev/null || { echo "vm: $program is missing: apt-get install qemu-system-x86 debootstrap e2fsprogs" >&2; exit 2; }
done
if [ ! -e "$dir/disk.complete" ]; then
  echo "vm: making a disk of Debian $suite (once, some minutes)" >&2
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' | awk '$2 == "Debian" { print $1; exit }')
  rm -rf "$root"
  unshare --mount debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$mirror" >"$dir/debootstrap.log" 2>&1 ||
    { tail -n 5 "$dir/debootstrap.log" >&2; exit 2; }
  printf '%s\n' overlay 9p 9pnet_virtio virtio_blk virtio_pci ext4 >>"$root/etc/initramfs-tools/modules"
  unshare --mount chroot "$root" update-initramfs -u >>"$dir/debootstrap.log" 2>&1
  cp "$root"/boot/vmlinuz-* "$dir/vmlinuz"
  cp "$root"/boot/initrd.img-* "$dir/initrd"
  cat >"$root/etc/systemd/system/work.service" <<'UNIT'
[Unit]
After=multi-user.target network.target
[Service]
Type=oneshot
Delegate=yes
ExecStart=/root/work
ExecStopPost=/usr/bin/systemctl poweroff --force
StandardOutput=file:/dev/ttyS1
StandardError=inherit
UNIT
  cat >"$root/root/work" <<'WORK'
#!/bin/sh
mkdir -p /src /out
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose src /src
mount -t 9p -o trans=virtio,version=9p2000.L out /out
ip link set lo up
for link in /sys/class/net/en*; do ip link set "${link##*/}" up && ip addr add 10.0.2.15/24 dev "${link##*/}" && ip route add default via 10.0.2.2; done
printf 'nameserver 10.0.2.3\n' >/etc/resolv.conf
sysctl -qw kernel.panic=1
export HOME=/root PATH=/out/tools:$PATH
sh /out/command
echo $? >/out/status
sync
WORK
  chmod 755 "$root/root/work"
  mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
  ln -sf ../work.service "$root/etc/systemd/system/multi-user.target.wants/work.service"
  for unit in containerd.service apt-daily.timer; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
  echo kubus-vm >"$root/etc/hostname"
  echo '/dev/vda / ext4 defaults 0 1' >"$root/etc/fstab"
  rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "$root"/var/cache/apt/archives/*.deb
  mkfs.ext4 -q -F -d "$root" "$dir/disk" 12G
  rm -rf "$root"
  : >"$dir/disk.complete"
fi
# Programs that the machine need not fetch: the Node that is here, and what kubus has fetched before.
rm -rf "$dir/out/tools" "$dir/out/status" "$dir/out/bundle" "$dir/out/images"
mkdir -p "$dir/out/tools" "$dir/out/images"
node "$source/ops/build/bundle.ts" "$dir/out/bundle/kubus.mjs"
node -e "import('$here/images.ts').then(({ buildImages }) => buildImages('$dir/out/images'))"
cp "$(command -v node)" "$dir/out/tools/node"
PATH="$PATH:${XDG_CACHE_HOME:-$HOME/.cache}/kubus/bin"
for program in nats-server kubectl; do
  found=$(command -v "$program") || { echo "vm: $program is missing: ./kubus doctor fetches it" >&2; exit 2; }
  cp -L "$found" "$dir/out/tools/$program"
done
{
  printf 'cd /root\n'
  for word; do printf "'%s' " "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")"; done
  printf '\n'
} >"$dir/out/command"
timeout $((${MINUTES:-30} * 60)) qemu-system-x86_64 -accel "${ACCEL:-tcg,thread=multi}" -cpu max -smp 2 -m "${MEMORY_MB:-6000}" -display none -no-reboot \
  -snapshot -drive "file=$dir/disk,if=virtio,format=raw" -kernel "$dir/vmlinuz" -initrd "$dir/initrd" \
  -append "root=/dev/vda rw console=ttyS0 quiet systemd.show_status=0 ${KERNEL_ARGS:-}" \
  -serial "file:$dir/console.log" -serial stdio \
  -virtfs "local,path=$source,mount_tag=src,security_model=none,readonly=on" \
  -virtfs "local,path=$dir/out,mount_tag=out,security_model=none" \
  -netdev user,id=net -device virtio-net-pci,netdev=net </dev/null || true
[ -s "$dir/out/status" ] || { echo "vm: it did not come to an end; see $dir/console.log" >&2; exit 1; }
exit "$(cat "$dir/out/status")"
