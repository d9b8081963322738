//! Compiles the proto file, in Rust alone: no `protoc` is needed.

use std::error::Error;
use std::path::PathBuf;

const PROTO: &str = "proto/kubomesh/agent/v1/agent.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO}");
    let files = protox::compile([PROTO], ["proto"])?;
    let set =
        PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?).join("agent.bin");
    std::fs::write(set, protox::prost::Message::encode_to_vec(&files))?;
    tonic_prost_build::configure()
        .build_transport(false)
        // Sets of them are compared.
        .type_attribute("kubomesh.agent.v1.Connection", "#[derive(PartialOrd, Ord)]")
        .type_attribute(
            "kubomesh.agent.v1.PeeringEntry",
            "#[derive(PartialOrd, Ord)]",
        )
        .compile_fds(files)?;
    Ok(())
}
