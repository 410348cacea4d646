# The frontend: npm packages, then the built page, then an nginx that serves it.
#
# FROM names bases of plimsoll.toml: Debian packages whose versions stand in bases.lock. `inv build` hands them in as build
# contexts, so no tag is missing below; every other linter rule holds.
# hadolint global ignore=DL3006

# ---- deps: run again when a version changes, and only then --------------------------------------------------------------------
FROM node-build AS deps

WORKDIR /src
COPY package.json package-lock.json ./

# `npm ci` installs what the lock file says, by its hashes. Packages get to run no scripts of their own. The secrets are the
# host's certificates and registry settings, if it has any; they are never part of a layer. A connection that hangs is tried
# again after a minute; npm by itself would wait for five.
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=npm,target=/root/.npmrc \
    --mount=type=cache,target=/root/.npm \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
        --fetch-timeout=60000 --fetch-retries=5

# ---- builder: the page as static files -------------------------------------------------------------------------------------------
FROM deps AS builder

COPY . .

# nginx makes validators (ETag, Last-Modified) of a file's time, and in an image every time is the same: a browser would keep an
# old page whose new version happens to be as long. So a file's time is made of its content; times before 1980 stay as they are.
RUN npm run build \
    && find dist -type f -exec sh -c 'for file; do sum=$(sha256sum < "$file"); \
        touch -d "@$(( 0x$(printf %.7s "$sum") ))" "$file"; done' sh {} +

# ---- runner: nginx and the page --------------------------------------------------------------------------------------------------
FROM nginx AS runner

COPY --from=builder /src/nginx /etc/nginx
COPY --from=builder /src/dist /srv/www

USER 1001:1001
EXPOSE 3000

# nginx finishes what is under way on SIGQUIT; on SIGTERM it would cut it off.
STOPSIGNAL SIGQUIT

# nginx alone; the backend's state is not this container's health. There is neither a shell nor curl: a program that sends one
# text and expects another asks for the page.
HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3 \
    CMD ["/usr/lib/nagios/plugins/check_tcp", "-H", "127.0.0.1", "-p", "3000", "-t", "9", "-E", \
         "-s", "GET /healthz HTTP/1.0\\r\\n\\r\\n", "-e", "HTTP/1.1 200"]

# An init as process 1. It signals nginx alone, which tells its workers itself.
ENTRYPOINT ["dumb-init", "--single-child", "--"]
CMD ["nginx", "-e", "stderr"]
