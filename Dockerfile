# The controller's image: static, without a shell, non-root. Not built in CI.
FROM rust:1.95.0-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package kubomesh-controller --bin kubomesh

FROM scratch
COPY --from=build /src/target/release/kubomesh /kubomesh
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/kubomesh"]
CMD ["run"]
