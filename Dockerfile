# syntax=docker/dockerfile:1
# The images of the platform: docker build --target gateway|order|payment|inventory|observatory|load .
# On amd64 and arm64; for both at once: docker buildx build --platform linux/amd64,linux/arm64 …
#
# The programs are linked statically, C library included, so that each image is one program on a base of 2 MB (root
# certificates, time zones, a user). docs/adr/0011 says why.

FROM rust:1.95.0-slim-bookworm AS tools
WORKDIR /src
RUN cargo install --locked cargo-chef@0.1.78

# What the dependencies are, without our sources: it changes when they do, and not with every edit.
FROM tools AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM tools AS build
# With `--target` the flags below are not those of build scripts and macros, which cannot be static.
ENV RUSTFLAGS="-C target-feature=+crt-static" \
    CARGO_PROFILE_RELEASE_DEBUG=none \
    CARGO_PROFILE_RELEASE_STRIP=symbols
COPY --from=plan /src/recipe.json .
# A layer of its own: a change of our code finds all dependencies built, in any builder that keeps layers.
RUN cargo chef cook --locked --release --bins --target "$(rustc --print host-tuple)" \
        -p gateway -p order -p payment -p inventory -p waybill
COPY . .
RUN target="$(rustc --print host-tuple)" \
    && cargo build --locked --release --bins --target "$target" \
        -p gateway -p order -p payment -p inventory -p waybill \
    && mkdir -p /out/data \
    && cd "target/$target/release" \
    && cp waybill waybill-gateway waybill-order waybill-payment waybill-inventory /out/

FROM gcr.io/distroless/static-debian12:nonroot AS base
USER 65532:65532
LABEL org.opencontainers.image.vendor="Waybill" \
    org.opencontainers.image.licenses="MIT"

# A service that listens on all addresses starts with keys alone, or with `AUTH=off` (docs/ACCESS.md): an image has
# neither.
FROM base AS gateway
LABEL org.opencontainers.image.title="waybill-gateway" \
    org.opencontainers.image.description="The only public door: checks an order, forwards it"
COPY --from=build /out/waybill-gateway /
ENV LISTEN_ADDR=0.0.0.0:8080 ADMIN_ADDR=0.0.0.0:9080
EXPOSE 8080 9080
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["/waybill-gateway", "healthcheck"]
ENTRYPOINT ["/waybill-gateway"]

FROM base AS order
LABEL org.opencontainers.image.title="waybill-order" \
    org.opencontainers.image.description="Owns orders: runs the order saga and publishes order-events"
COPY --from=build /out/waybill-order /
ENV LISTEN_ADDR=0.0.0.0:8081 ADMIN_ADDR=0.0.0.0:9081
EXPOSE 8081 9081
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["/waybill-order", "healthcheck"]
ENTRYPOINT ["/waybill-order"]

FROM base AS payment
LABEL org.opencontainers.image.title="waybill-payment" \
    org.opencontainers.image.description="Owns charges and refunds, with a simulated card processor"
COPY --from=build /out/waybill-payment /
ENV LISTEN_ADDR=0.0.0.0:8082 ADMIN_ADDR=0.0.0.0:9082
EXPOSE 8082 9082
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["/waybill-payment", "healthcheck"]
ENTRYPOINT ["/waybill-payment"]

FROM base AS inventory
LABEL org.opencontainers.image.title="waybill-inventory" \
    org.opencontainers.image.description="Owns products, stock and reservations; consumes order-events"
COPY --from=build /out/waybill-inventory /
ENV LISTEN_ADDR=0.0.0.0:8083 ADMIN_ADDR=0.0.0.0:9083
EXPOSE 8083 9083
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["/waybill-inventory", "healthcheck"]
ENTRYPOINT ["/waybill-inventory"]

FROM base AS observatory
LABEL org.opencontainers.image.title="waybill-observatory" \
    org.opencontainers.image.description="The embedded telemetry backend: traces, log lines and metrics on one page"
COPY --from=build /out/waybill /
# A new volume takes over the owner of the folder that it is mounted on.
COPY --from=build --chown=65532:65532 /out/data /data
ENV LISTEN_ADDR=0.0.0.0:16686 ADMIN_ADDR=0.0.0.0:9086 DATA_DIR=/data \
    OTLP_GRPC_ADDR=0.0.0.0:4317 OTLP_HTTP_ADDR=0.0.0.0:4318 LOG_ADDR=0.0.0.0:5170
EXPOSE 16686 9086 4317 4318 5170 5170/udp
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["/waybill", "observatory", "healthcheck"]
ENTRYPOINT ["/waybill", "observatory"]

FROM base AS load
LABEL org.opencontainers.image.title="waybill-load" \
    org.opencontainers.image.description="A small, steady load of mixed orders"
COPY --from=build /out/waybill /
ENV GATEWAY_URL=http://gateway:8080
ENTRYPOINT ["/waybill"]
CMD ["order", "place", "--mix", "--rate", "2"]
