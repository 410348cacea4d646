# Redis as an ordinary user with a read-only root: its data folder and /tmp are all it writes.
#
# FROM names a base of plimsoll.toml: Debian packages whose versions stand in bases.lock. `inv build` hands it in as a build
# context, so no tag is missing below; every other linter rule holds.
# hadolint global ignore=DL3006
FROM redis AS runner

COPY --chmod=0755 redis-entrypoint redis-healthcheck /usr/local/bin/

# The user first: the folder is made for that user, and a fresh volume takes that over.
USER 1001:1001
WORKDIR /data
EXPOSE 6379
VOLUME /data

HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3 CMD ["redis-healthcheck"]

# An init as process 1: signals arrive, and processes that lost their parent (a snapshot under way) are reaped.
ENTRYPOINT ["dumb-init", "--", "redis-entrypoint"]
