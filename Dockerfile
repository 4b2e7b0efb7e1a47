# The image of the gateway: one static binary, the roots of trust, nothing else. `docker build -t sangam .`, or without a Docker engine
# `make image-root` and docs/operating/deploy.md. Both run image/root.sh.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils ca-certificates g++ gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target image/root.sh /image-root

FROM scratch
COPY --from=build /image-root /
# The place for a SQLite file, where the process may write; all else is root's.
COPY --from=build --chown=65532:65532 /image-root/var/lib/sangam /var/lib/sangam
# As a number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 50051 50052 50053
ENTRYPOINT ["/sangam"]
CMD ["serve"]
