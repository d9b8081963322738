//! The admission webhook.

fn main() -> std::process::ExitCode {
    kubomesh_webhook::main()
}
