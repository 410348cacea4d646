# The local registry, where no container registry can be reached: Debian's docker-registry and the C library, nothing else.
# Context: a folder with a root file system (packages.node-build of versions.toml), whose name is an argument.
# Named context `recipe`: infrastructure/cluster/node.
# ADD unpacks an archive whose name is an argument, and `recipe` is a context, not a stage; the linter knows neither:
# hadolint global ignore=DL3020,DL3022
FROM scratch AS build
ARG NODE_BUILD_ROOT
ADD ${NODE_BUILD_ROOT} /
COPY --from=recipe closure.sh /
RUN sh /closure.sh /out /usr/bin/docker-registry && mkdir -p /out/tmp /out/var/lib/registry

FROM scratch
COPY --from=build /out /
ENTRYPOINT ["/usr/bin/docker-registry", "serve"]
CMD ["/etc/plimsoll/registry.yml"]
