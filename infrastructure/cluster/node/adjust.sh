#!/bin/sh
# Lets three modules be built with the release of the Kubernetes libraries that the node itself is built with. What is compiled
# once then serves all programs: built apart, these three would take as long again as Kubernetes. go.sum has vouched for the
# sources before they are copied here.
set -eu

own_copy() { # module, folder
	cp -r --no-preserve=mode "$(go list -m -f '{{.Dir}}' "$1")" "$2"
	go mod edit -replace="$1=./$2"
}

mkdir -p adjusted
go mod download github.com/coredns/coredns github.com/rancher/local-path-provisioner sigs.k8s.io/kind sigs.k8s.io/metrics-server

# client-go 0.34 has no such field; false is what it does now.
own_copy github.com/coredns/coredns adjusted/coredns
sed -i '/RetryOnError:/d' adjusted/coredns/plugin/kubernetes/object/informer.go

# apiserver 0.34 asks for an effective version, where 0.29 took a plain one.
own_copy sigs.k8s.io/metrics-server adjusted/metrics-server
sed -i \
	-e 's|serverConfig\.Version = &versionGet|serverConfig.EffectiveVersion = compatibility.DefaultBuildEffectiveVersion()|' \
	-e 's|serverConfig\.Version\.String|versionGet.String|' \
	-e 's|^import (|import (\n\t"k8s.io/apiserver/pkg/util/compatibility"|' \
	adjusted/metrics-server/cmd/metrics-server/app/options/options.go

# The logging library changed its name's case; one build cannot hold both spellings.
own_copy github.com/rancher/local-path-provisioner adjusted/local-path-provisioner
logrus=$(go list -m -f '{{.Version}}' github.com/sirupsen/logrus)
rm -r adjusted/local-path-provisioner/vendor
sed -i 's|github.com/Sirupsen/logrus|github.com/sirupsen/logrus|' adjusted/local-path-provisioner/*.go
go mod edit -droprequire=github.com/Sirupsen/logrus -require="github.com/sirupsen/logrus@$logrus" adjusted/local-path-provisioner/go.mod
