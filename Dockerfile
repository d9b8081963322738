# The image of the controller, the webhook and the agent: static, without a shell, non-root. Not built in CI.
FROM rust:1.95.0-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
# What `kubomesh --version` says it was built from: --build-arg KUBOMESH_COMMIT=$(git rev-parse --short=12 HEAD)
ARG KUBOMESH_COMMIT
# When that was made, in seconds: --build-arg SOURCE_DATE_EPOCH=$(git show -s --format=%ct HEAD)
ARG SOURCE_DATE_EPOCH
RUN cargo build --release --locked --package kubomesh-controller --bin kubomesh \
    --package kubomesh-webhook --bin kubomesh-webhook --package kubomesh-agent --bin kubomesh-agent

FROM scratch
COPY --from=build /src/target/release/kubomesh /src/target/release/kubomesh-webhook /src/target/release/kubomesh-agent /
# What one resync gave back the next one takes again: memory goes back to the system when nobody wanted
# it for ten minutes (milliseconds). Where a page fault is dear, as in small virtual machines, that is a
# fifth of what a quiet fleet costs.
ENV MIMALLOC_PURGE_DELAY=600000
USER 65532:65532
EXPOSE 8080 8501 9443
ENTRYPOINT ["/kubomesh"]
CMD ["run"]
