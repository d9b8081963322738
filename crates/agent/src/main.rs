//! The agent.

/// As in the controller: the image's own allocator is slow with many small buffers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    kubomesh_agent::main()
}
