#!/bin/sh
# Makes a Debian root file system boot in a container as a kind node: only what a node needs starts, and nothing that would
# write to the host's kernel.
set -eu
rm -f /etc/systemd/system/*.wants/* /lib/systemd/system/multi-user.target.wants/* /lib/systemd/system/local-fs.target.wants/* \
	/lib/systemd/system/basic.target.wants/* /lib/systemd/system/sockets.target.wants/*udev* \
	/lib/systemd/system/sockets.target.wants/*initctl* /lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service
echo ReadKMsg=no >>/etc/systemd/journald.conf
ln -sf /lib/systemd/systemd /sbin/init
systemctl enable kubelet containerd undo-mount-hacks unserved-services
systemctl mask systemd-binfmt # binfmt_misc belongs to the whole kernel
# kind names the machine and its product itself
: >/etc/machine-id
mkdir -p /etc/kubernetes/manifests /opt/cni/bin
for plugin in ptp host-local portmap loopback; do cp "/usr/lib/cni/$plugin" /opt/cni/bin/; done
rm -r /usr/lib/cni
ln -s /opt/cni/bin /usr/lib/cni # where Debian's containerd looks
# What containerd starts each container from: its own default, kind's hook that hides the host's product name, and no limits.
ctr oci spec | jq 'del(.process.rlimits) | .hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}]' \
	>/etc/containerd/cri-base.json
