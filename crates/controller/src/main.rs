//! The controller.

fn main() -> std::process::ExitCode {
    kubomesh_controller::main()
}
