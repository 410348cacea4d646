#!/bin/sh
# Usage: pack.sh OUT LAYOUT ARCHITECTURE - makes the images that OUT/images lists from the programs in OUT/bin.
set -eu
out=$1 layout=$2 architecture=$3
roots=$(mktemp -d)

while read -r name program; do
	root=$roots/$program user=0:0 entrypoint=
	mkdir -p "$root/usr/local/bin" "$root/usr/local/sbin" "$root/tmp" "$root/etc"
	cp -r /etc/ssl "$root/etc/"
	[ ! -e "$out/bin/$program" ] || cp "$out/bin/$program" "$root/usr/local/bin/"
	case $program in
	coredns) entrypoint=/usr/local/bin/coredns ;;                     # kubeadm's Deployment names arguments only
	pause) entrypoint=/usr/local/bin/pause user=65535:65535 ;;
	metrics-server) entrypoint=/usr/local/bin/metrics-server user=1000:1000 ;;
	local-path-helper) closure.sh "$root" /bin/sh /bin/mkdir /bin/rm ;;
	kube-proxy)
		closure.sh "$root" /bin/sh /bin/ln /usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi /usr/sbin/nft \
			/usr/sbin/conntrack /bin/kmod /usr/sbin/ip /usr/lib/*/xtables/*.so
		ln -s kmod "$root/bin/modprobe" 2>/dev/null || ln -s kmod "$root/usr/bin/modprobe"
		mv "$root/usr/local/bin/kube-proxy" "$root/usr/local/bin/kube-proxy.real"
		cp /usr/local/bin/kube-proxy "$root/usr/local/bin/kube-proxy"
		;;
	esac
	echo "$name $root $user $entrypoint"
done <"$out/images" | images.sh "$layout" "$architecture"
rm -r "$roots"
