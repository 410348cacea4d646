# An image that cannot be built twice alike: `inv build --check-reproducible` has to find the file.
# hadolint global ignore=DL3006
FROM shell AS runner
RUN date +%N > /built
COPY . /app
