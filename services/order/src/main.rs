//! The order service as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_kit::process::main(order::SERVICE, order::run)
}
