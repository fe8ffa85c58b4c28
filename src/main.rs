//! The `pledges` program: see `pledges --help`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A connection has two buffers of 8 KiB, of which it uses a corner each. The allocator of glibc lays them across pages, and
/// a stream takes 14.5 KB of memory; this one lays them along pages, and it takes 8.5 KB. Without `no_thp` it would ask
/// for huge pages, and every corner would be paid in full.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    pledges::cli::main()
}
