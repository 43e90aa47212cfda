# The image of logskiff: the program, the libraries it needs, certificate authorities. No shell, no package manager.
#
#     docker build -t logskiff:0.1.0 .
#
# docs/image.md says more, on other architectures too.

# Debian 12's glibc is what the program is linked against and what goes into the image.
ARG RUST_IMAGE=docker.io/library/rust:1-bookworm
ARG DEBIAN_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
ARG CARGO_AUDITABLE=0.7.7
# It writes the names and versions of all crates into the program, for `cargo audit bin`.
RUN command -v cargo-auditable || cargo install --locked --version "$CARGO_AUDITABLE" cargo-auditable
WORKDIR /src
COPY . .
RUN cargo auditable build --release --locked \
    && install -D -m 0755 target/release/logskiff /built/logskiff

FROM ${DEBIAN_IMAGE} AS root
RUN command -v update-ca-certificates || (apt-get update && apt-get install -y --no-install-recommends ca-certificates)
COPY --from=build /built/logskiff /out/usr/local/bin/logskiff
COPY LICENSE /out/usr/share/doc/logskiff/LICENSE
# Each library where the loader looks for it: ldd's own words, so that every architecture has its own.
RUN set -eu; \
    ldd /out/usr/local/bin/logskiff > /tmp/libraries; \
    if grep 'not found' /tmp/libraries; then exit 1; fi; \
    for library in $(grep -o '/[^ ]*' /tmp/libraries); do install -D -m 0755 "$library" "/out$library"; done; \
    install -D -m 0644 -t /out/etc/ssl/certs /etc/ssl/certs/ca-certificates.crt; \
    for package in libc6 libgcc-s1 ca-certificates; do \
        install -D -m 0644 "/usr/share/doc/$package/copyright" "/out/usr/share/doc/$package/copyright"; \
    done; \
    printf 'root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/:/none\n' > /out/etc/passwd; \
    printf 'root:x:0:\nnonroot:x:65532:\n' > /out/etc/group; \
    printf 'hosts: files dns\n' > /out/etc/nsswitch.conf; \
    install -d -m 1777 /out/tmp; \
    install -d -m 0755 /out/var/log/app /out/etc/logskiff; \
    install -d -m 0755 -o 65532 -g 65532 /out/var/lib/logskiff

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
# Where the sources are, as a URL; scanners and registries show it.
ARG SOURCE=
LABEL org.opencontainers.image.title="logskiff" \
      org.opencontainers.image.description="A sidecar that ships an application's log files to Kafka or a syslog receiver" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=root /out /
USER 65532:65532
EXPOSE 9598
ENTRYPOINT ["/usr/local/bin/logskiff"]
CMD ["run"]
