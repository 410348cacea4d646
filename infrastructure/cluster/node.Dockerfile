# syntax-free on purpose: a `# syntax=` line would fetch BuildKit's frontend from a registry, and this image is built where none is.
#
# The kind node image, where kindest/node cannot be pulled: Debian packages, Go modules, and kind's own files from its module.
# Context: a folder with two root file systems (packages.node and packages.node-build of versions.toml), whose names are arguments.
# Named context `recipe`: infrastructure/cluster/node. Secrets, both optional: `ca`, a bundle of certificates for the Go
# module proxy; `goproxy`, what GOPROXY is on the host.
# ADD unpacks an archive whose name is an argument, and `recipe` is a context, not a stage; the linter knows neither:
# hadolint global ignore=DL3020,DL3022

# --- build: compiles every program with the Go release that Kubernetes 1.34 is made for (its go.mod names it) ----------------
FROM scratch AS build
ARG NODE_BUILD_ROOT
ADD ${NODE_BUILD_ROOT} /
ENV PATH=/usr/lib/go-1.24/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly
WORKDIR /src
COPY --from=recipe go.mod go.sum adjust.sh compile.sh ./
COPY --from=recipe coredns coredns
COPY --from=recipe pause pause
RUN --mount=type=cache,id=plimsoll-go-modules,target=/root/go/pkg/mod \
    --mount=type=cache,id=plimsoll-go-build,target=/root/.cache/go-build \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=goproxy \
    if [ -s /run/secrets/goproxy ]; then GOPROXY=$(cat /run/secrets/goproxy) && export GOPROXY; fi \
    && sh adjust.sh && sh compile.sh /out

# --- root: a Debian that boots in a container ---------------------------------------------------------------------------------
FROM scratch AS root
ARG NODE_ROOT
ADD ${NODE_ROOT} /

# --- pack: the images that the node starts, as one OCI layout -----------------------------------------------------------------
FROM root AS pack
ARG TARGETARCH
COPY --from=recipe --chmod=755 closure.sh images.sh kube-proxy pack.sh /usr/local/bin/
RUN --mount=type=bind,from=build,source=/out,target=/out \
    pack.sh /out /layout "$TARGETARCH"

# --- node ---------------------------------------------------------------------------------------------------------------------
FROM root AS node
COPY --from=build /usr/bin/containerd /usr/bin/containerd-shim-runc-v2 /usr/bin/ctr /usr/local/bin/
COPY --from=build /out/files/ /
COPY --from=build /out/bin/kubeadm /out/bin/kubelet /out/bin/kubectl /usr/bin/
COPY --from=build /out/manifests/ /kind/manifests/
COPY --from=recipe default-cni.yaml /kind/manifests/
COPY --from=recipe 10-ptp.conflist /etc/cni/net.d/
COPY --from=recipe unserved-services.service /etc/systemd/system/
RUN --mount=type=bind,from=recipe,target=/recipe sh /recipe/prepare.sh
RUN --mount=type=bind,from=recipe,target=/recipe --mount=type=bind,from=pack,source=/layout,target=/layout \
    sh /recipe/import.sh /layout
# systemd looks here to learn that it runs in a container, and stops on this signal
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]
