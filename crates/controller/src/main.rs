//! The controller.

/// The system's allocator slows down under a thousand answers a second, each with buffers of its own,
/// between observations that live for long; that of musl, which the image has, most of all.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    kubomesh_controller::main()
}
