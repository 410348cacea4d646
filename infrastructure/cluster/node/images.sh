#!/bin/sh
# Usage: images.sh LAYOUT ARCHITECTURE < table
# Packs folders as one OCI layout of single-layer images. A line of the table: NAME FOLDER USER ENTRYPOINT... (may be empty).
# Layers stay uncompressed: the node unpacks them at its first start, and gzip would cost more there than it saves.
set -eu
layout=$1 architecture=$2
mkdir -p "$layout/blobs/sha256"
printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"

blob() { # keeps stdin as a blob; prints its digest and size
	cat >"$layout/incoming"
	hash=$(sha256sum <"$layout/incoming" | cut -d' ' -f1)
	mv "$layout/incoming" "$layout/blobs/sha256/$hash"
	echo "sha256:$hash $(stat -c %s "$layout/blobs/sha256/$hash")"
}

descriptor() { # media type, then what `blob` printed
	printf '{"mediaType":"application/vnd.oci.image.%s","digest":"%s","size":%s' "$1" "$2" "$3"
}

separator=
while read -r name folder user entrypoint; do
	words=$(for word in $entrypoint; do printf '"%s",' "$word"; done)
	layer=$(tar -C "$folder" --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 -cf - . | blob)
	config=$(
		printf '{"architecture":"%s","os":"linux","config":{"User":"%s","Entrypoint":[%s],"Env":["PATH=%s"]},' \
			"$architecture" "$user" "${words%,}" /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		printf '"rootfs":{"type":"layers","diff_ids":["%s"]}}' "${layer% *}"
	)
	config=$(printf '%s' "$config" | blob)
	# shellcheck disable=SC2086 # two words each: digest and size
	manifest=$(printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s},"layers":[%s}]}' \
		"$(descriptor config.v1+json $config)" "$(descriptor layer.v1.tar $layer)" | blob)
	# shellcheck disable=SC2086
	printf '%s%s,"annotations":{"io.containerd.image.name":"%s"}}' "$separator" \
		"$(descriptor manifest.v1+json $manifest)" "$name" >>"$layout/manifests"
	separator=,
done
printf '{"schemaVersion":2,"manifests":[%s]}' "$(cat "$layout/manifests")" >"$layout/index.json"
rm "$layout/manifests"
