# The local registry, where no container registry can be reached: Debian's docker-registry and the C library, nothing else.
# Context: a folder with the root file system build.tar (packages.node-build of versions.toml). Named context `recipe`: infrastructure/cluster/node.
FROM scratch AS build
ADD build.tar /
COPY --from=recipe closure.sh /
RUN sh /closure.sh /out /usr/bin/docker-registry && mkdir -p /out/tmp /out/var/lib/registry

FROM scratch
COPY --from=build /out /
ENTRYPOINT ["/usr/bin/docker-registry", "serve"]
CMD ["/etc/plimsoll/registry.yml"]
