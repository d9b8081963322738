# The controller's image: static, without a shell, non-root. Not built in CI.
FROM rust:1.95.0-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
# What `kubomesh --version` says it was built from: --build-arg KUBOMESH_COMMIT=$(git rev-parse --short=12 HEAD)
ARG KUBOMESH_COMMIT
RUN cargo build --release --locked --package kubomesh-controller --bin kubomesh

FROM scratch
COPY --from=build /src/target/release/kubomesh /kubomesh
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/kubomesh"]
CMD ["run"]
