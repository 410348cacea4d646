# The backend: dependencies, then the application compiled, then an image with nothing else in it.
#
# FROM names bases of plimsoll.toml: Debian packages whose versions stand in bases.lock. `inv build` hands them in as build
# contexts, so no tag is missing below; every other linter rule holds.
# hadolint global ignore=DL3006

# ---- deps: what changes rarely comes first, so that editing the code does not install anything again -------------------------
FROM python-build AS deps

# An installer of its own: the environment that ends up in the image has none in it.
RUN python3 -m venv /opt/installer && python3 -m venv --without-pip /opt/venv

# The lock file alone, not the application: this step is run again when a version changes, and only then.
COPY requirements.lock /src/requirements.lock

# Hashes make sure of what is installed. Wheels only: nothing is compiled here, so no compiler is needed. The secrets are the
# host's certificates and package index settings, if it has any; they are never part of a layer.
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=cache,target=/root/.cache/pip \
    /opt/installer/bin/pip --python /opt/venv/bin/python3 install --quiet --disable-pip-version-check --no-compile \
        --only-binary :all: --require-hashes --requirement /src/requirements.lock

# What is installed but never run: other people's tests, type stubs, sources of extension modules, shell integration, symbols
# for debuggers. The metadata stays: a scanner recognises packages by it.
WORKDIR /opt/venv
RUN find . -depth \( -type d \( -name tests -o -name test -o -name testing \) -path '*/site-packages/*/*' ! -path '*/sqlalchemy/*' \
        -o -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' -o -name RECORD \) \) -exec rm -r {} + \
    && find bin -mindepth 1 ! -name 'python*' -delete \
    && find . -name '*.so' -exec strip --strip-unneeded {} + \
    && rm -rf include

# Compiled here, because the root is read-only where it runs. `unchecked-hash` bytecode depends on no time stamp, so it is the
# same in every build, and Python does not look at the sources again. Of Python itself only those modules that the dependencies
# import; all of them would be 20 MB. Forced, because some were compiled with time stamps on the way here. The application is not
# imported: whether it starts is for the rollout to find out.
RUN PYTHONDONTWRITEBYTECODE=1 bin/python3 -c "import alembic.command, argparse, asyncpg, fastapi, prometheus_client, redis.asyncio, \
sqlalchemy.dialects.postgresql.asyncpg, sqlalchemy.ext.asyncio, urllib.request, uvicorn, uvicorn.protocols.http.h11_impl, sys; \
print(*sorted({m.__file__ for m in list(sys.modules.values()) if (getattr(m, '__file__', None) or '').startswith('/usr/lib/python3') \
and m.__file__.endswith('.py')}), sep='\n')" > /src/modules \
    && python3 -m compileall -q -f --invalidation-mode unchecked-hash -i /src/modules \
    && mkdir /stdlib \
    && find /usr/lib/python3* -name '*.pyc' -newer /src/modules -exec cp --parents -t /stdlib {} + \
    && python3 -m compileall -q --invalidation-mode unchecked-hash lib

# ---- builder: the application ------------------------------------------------------------------------------------------------------
FROM deps AS builder

COPY checkin /app/checkin
COPY migrations /app/migrations
RUN ["python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/app"]

# ---- runner: Python, the environment, the application ------------------------------------------------------------------------------
FROM python AS runner

# From what changes rarely to what changes often: a release moves the last layer only.
COPY --from=builder /stdlib /
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /app /app

ENV PATH=/opt/venv/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# `checkin` and `migrations` are found from here.
WORKDIR /app
USER 1001:1001
EXPOSE 3001

# The process alone; whether database and Redis answer is readiness, which the platform asks for itself.
HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3 CMD ["python3", "-m", "checkin.healthcheck", "live"]

# An init as process 1: signals arrive, and processes that lost their parent are reaped.
ENTRYPOINT ["dumb-init", "--"]
CMD ["python3", "-m", "checkin"]

# What /version answers: the commit that last touched these sources, as on the image's label. Last, because it changes most.
ARG REVISION
ENV REVISION=$REVISION
