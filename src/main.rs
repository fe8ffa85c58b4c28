//! The `pledges` program: see `pledges --help`.

use std::{
    env,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

use mimalloc::MiMalloc;
use rustix::process::{Resource, Rlimit, setrlimit};

/// A connection has two buffers of 8 KiB, of which it uses a corner each. The allocator of glibc lays them across pages, and
/// a stream takes 14.5 KB of memory; this one lays them along pages, and it takes about 11 KB. Without `no_thp` it would ask
/// for huge pages, and every corner would be paid in full.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How long the allocator keeps freed memory, in milliseconds.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

fn main() -> ExitCode {
    leave_no_core();
    give_memory_back();
    pledges::cli::main()
}

/// A crash leaves no file with the memory in it: there names and addresses are in clear, and nothing ever removes it. Holds
/// for the private PostgreSQL too, which is started from here.
fn leave_no_core() {
    // It only ever lowers the limit, which is always allowed.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// Lets the allocator give freed memory back at once: 10,000 streams take 139 MB instead of 166, full ingest 31 instead of
/// 46, and nothing is slower. It reads its settings from the environment only, before `main` runs, so the program starts
/// itself anew in the same process; when that fails, it goes on as it is.
#[expect(clippy::disallowed_methods, reason = "not a setting of the service, and read before there are any")]
fn give_memory_back() {
    if env::var_os(PURGE_DELAY).is_some() {
        return;
    }
    let mut arguments = env::args_os();
    let (name, Ok(program)) = (arguments.next(), env::current_exe()) else { return };
    let mut again = Command::new(program);
    if let Some(name) = name {
        again.arg0(name);
    }
    // Only comes back when it failed.
    let _failed = again.args(arguments).env(PURGE_DELAY, "0").exec();
}
