# What stands in for Stripe in development: it takes test cards, moves no money, and forgets everything when it ends.
#
#   docker build --file infra/docker/stripe.Dockerfile --tag ticketing-stripe-stand-in .

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --locked --release --package ticketing-stripe-stand-in \
    && infra/docker/assemble target/release/ticketing-stripe-stand-in /image

FROM scratch
COPY --from=build /image/ /
USER 65532:65532
EXPOSE 8420
ENTRYPOINT ["/ticketing-stripe-stand-in"]
CMD ["0.0.0.0:8420"]
