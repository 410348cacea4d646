#!/bin/sh
# Usage: import.sh LAYOUT - puts an OCI layout's images into the node's containerd, which runs just for that.
set -eu
containerd >/tmp/containerd.log 2>&1 &
containerd=$!
tries=0
until ctr version >/dev/null 2>&1; do
	tries=$((tries + 1))
	[ "$tries" -lt 100 ] || { cat /tmp/containerd.log >&2; exit 1; }
	sleep 0.2
done
tar -C "$1" -cf - . | ctr --namespace k8s.io images import --no-unpack -
kill "$containerd"
wait "$containerd" || true
rm -rf /tmp/containerd.log /run/containerd
