//! Parse, run, exit code.

use std::process::ExitCode;

/// A render allocates for every line that it writes; the allocators of glibc and of musl take a fifth of its time and more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lbgen::cli::main()
}
