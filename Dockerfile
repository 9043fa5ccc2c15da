# Two stages: a static binary, and an image that holds it, the certificates of the public
# authorities, and nothing else. Needs no BuildKit: `docker build .` is enough. A release is built in the image
# that `.github/base-image` pins by its digest.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build

# The C library is linked in. The target is named so that the flag is not applied to build scripts
# and procedural macros, which are loaded by the compiler and must stay dynamic; it is derived, so
# that the same file builds on amd64 and arm64. libz-sys is told not to use a zlib of the system.
ENV RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=/usr/local/cargo/registry/src=/src" \
    LIBZ_SYS_STATIC=1

# The dependencies, in a layer that changes only when they do: built for a program that is empty.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
 && echo 'fn main() {}' >src/main.rs \
 && touch src/lib.rs \
 && cargo build --locked --release --target "$(uname -m)-unknown-linux-gnu" \
 && rm -r src

COPY src src
# Newer than the empty program, whatever the time at which the sources were last changed.
RUN touch src/main.rs src/lib.rs \
 && cargo build --locked --release --target "$(uname -m)-unknown-linux-gnu" \
 && mkdir -p /image/etc/ssl/certs \
 && mkdir -m 1777 /image/tmp \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && cp "target/$(uname -m)-unknown-linux-gnu/release/gitops-deploy" /image/ \
 && chmod 0555 /image/gitops-deploy && chmod 0444 /image/etc/ssl/certs/ca-certificates.crt

FROM scratch
# Version, revision, source and creation time are added where a release is built.
LABEL org.opencontainers.image.title="gitops-deploy" \
      org.opencontainers.image.description="Write a new image into a manifest byte-exactly, commit it and push it safely" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.vendor="gitops-deploy contributors" \
      org.opencontainers.image.base.name="scratch"
# Where they are need not be searched for.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# With a /tmp that any user may write to: the objects of one commit are kept there for one run.
COPY --from=build /image /
ENTRYPOINT ["/gitops-deploy"]
