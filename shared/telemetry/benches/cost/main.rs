//! What telemetry costs, operation by operation.
//!
//!     cargo bench -p telemetry                                     nanoseconds: reported, not judged
//!     cargo bench -p telemetry -- instructions [--update] [NAME]   instructions and allocations: held against
//!                                                                  `benches/instructions.json`
//!
//! Telemetry is set up once in a process and owns its standard output, so every figure comes from a process of its
//! own: this program starts itself as `run`, with the environment of the arm that it measures.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

mod callgrind;
mod instructions;
mod order;
mod run;
mod scenario;
mod time;

fn main() -> std::process::ExitCode {
    // Cargo says `--bench` to every program that it runs as a benchmark.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["run", scenario, prepared, count] => run::once(scenario, number(prepared), number(count)),
        ["run", scenario, "for-time"] => run::for_time(scenario),
        ["instructions", "--update"] => return instructions::update(),
        ["instructions"] => return instructions::compare(""),
        ["instructions", name] => return instructions::compare(name),
        [] => time::report(""),
        [name] => time::report(name),
        _ => panic!("usage: [NAME] | instructions [--update | NAME]"),
    }
    std::process::ExitCode::SUCCESS
}

fn number(argument: &str) -> usize {
    argument.parse().unwrap_or_else(|_| panic!("{argument} is no number"))
}
