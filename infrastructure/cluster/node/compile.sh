#!/bin/sh
# Usage: compile.sh OUT - compiles every program of the node into OUT/bin and takes kind's own files for a node into OUT/files.
set -eu
out=$1
release=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${release#v1.}

flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do # kubeadm needs to know its own release
	flags="$flags -X $package.gitVersion=$release -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
	flags="$flags -X $package.gitTreeState=clean"
done
mkdir -p "$out/bin" "$out/manifests"
# No debug information: nobody would read it, and without it the compiler is done sooner.
go build -trimpath -buildvcs=false -tags selinux,notest,grpcnotrace -gcflags=all=-dwarf=false -ldflags "$flags" \
	-o "$out/bin/" ./... tool
mv "$out/bin/server" "$out/bin/etcd"

kind=$(go list -m -f '{{.Dir}}' sigs.k8s.io/kind)
cp -r --no-preserve=mode "$kind/images/base/files" "$out/files"
chmod 755 "$out"/files/usr/local/bin/* "$out"/files/kind/bin/*
echo "$release" >"$out/files/kind/version"

# The storage class that kind installs: a manifest inside a Go string, with two constants put in.
constants="$kind/pkg/build/nodeimage/const_storage.go"
constant() { sed -n "s/^const $1 = \"\(.*\)\"/\1/p" "$constants"; }
provisioner=$(constant storageProvisionerImage) helper=$(constant storageHelperImage)
sed -e '1,/^const defaultStorageManifest/d' -e '/^`$/,$d' -e "s|\` + storageProvisionerImage + \`|$provisioner|" \
	-e "s|\` + storageHelperImage + \`|$helper|" "$constants" >"$out/manifests/default-storage.yaml"

# Which images this node starts, by the names that kubeadm, kind and containerd ask for: NAME PROGRAM.
{
	"$out/bin/kubeadm" config images list --kubernetes-version "$release"
	sed -n 's/^ *sandbox_image = "\(.*\)"/\1/p' "$out/files/etc/containerd/config.toml"
	echo "$provisioner"
	echo "$helper"
	echo "localhost/metrics-server:$(go list -m -f '{{.Version}}' sigs.k8s.io/metrics-server)"
} | sort -u | while read -r name; do
	program=${name##*/}
	echo "$name ${program%%:*}"
done >"$out/images"

# A tag that names another version than what was compiled would make kubeadm choose the wrong flags.
for pair in "coredns:$(go list -m -f '{{.Version}}' github.com/coredns/coredns)\$" \
	"etcd:$(go list -m -f '{{.Version}}' go.etcd.io/etcd/server/v3 | tr -d v)-"; do
	grep -q "$pair" <<-LIST || { echo "kubeadm wants another version than $pair" >&2; exit 1; }
		$(cut -d' ' -f1 "$out/images")
	LIST
done
