# PostgreSQL as an ordinary user with a read-only root: all it writes goes to its data folder, /run/postgresql and /tmp.
#
# FROM names a base of plimsoll.toml: Debian packages whose versions stand in bases.lock. `inv build` hands it in as a build
# context, so no tag is missing below; every other linter rule holds.
# hadolint global ignore=DL3006
FROM postgres AS runner

# Debian installs versions side by side, each in a folder of its own; this base has one, and its programs get a fixed place.
# The folders belong to the user that runs: a fresh volume takes over what it covers.
RUN ln -s /usr/lib/postgresql/*/bin /usr/local/postgresql \
    && install -d -o 1001 -g 1001 -m 0700 /var/lib/postgresql/data \
    && install -d -o 1001 -g 1001 -m 0775 /run/postgresql

COPY --chmod=0755 postgres-entrypoint /usr/local/bin/postgres-entrypoint

# A folder of its own inside the volume: the volume's root may belong to the storage driver, and PostgreSQL wants its own.
ENV PATH=/usr/local/postgresql:/usr/local/bin:/usr/bin:/bin \
    PGDATA=/var/lib/postgresql/data/pgdata

USER 1001:1001
EXPOSE 5432
VOLUME /var/lib/postgresql/data

# Fast shutdown: open transactions are rolled back and a checkpoint is written. SIGTERM would wait for every client to leave.
STOPSIGNAL SIGINT

# Over TCP: while an empty folder is initialised, nothing listens there.
HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3 CMD ["pg_isready", "--quiet", "--host=127.0.0.1"]

# An init as process 1. It signals the server alone, which ends its own processes in its own order.
ENTRYPOINT ["dumb-init", "--single-child", "--", "postgres-entrypoint"]
