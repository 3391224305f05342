//! The payment service as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_kit::process::main(payment::SERVICE, payment::run)
}
