//! What is measured on: the machine, its disk and its PostgreSQL.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    process::Command,
    time::Instant,
};

use crate::figures::{Latencies, microseconds};

/// Flushes whose times are taken.
const FLUSHES: usize = 200;

/// What PostgreSQL appends to its log at once, in bytes.
const PAGE: [u8; 8192] = [b'p'; 8192];

/// The median time in milliseconds that the file system of `directory` takes to bring 8 KiB at the end of a file to
/// disk (`fdatasync`).
///
/// # Errors
/// Those of the system.
pub fn fsync_ms(directory: &Path) -> std::io::Result<f64> {
    let path = directory.join("pledges-bench-fsync");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    let mut flush = || -> std::io::Result<u32> {
        file.write_all(&PAGE)?;
        let began = Instant::now();
        file.sync_data()?;
        Ok(microseconds(began.elapsed()))
    };
    let times: std::io::Result<Vec<u32>> = (0..FLUSHES).map(|_| flush()).collect();
    fs::remove_file(&path)?;
    Ok(Latencies::new(times?).percentile_ms(50))
}

/// Cores, processor, memory and system, as far as they are told.
pub fn describe() -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    vec![
        ("cores", format!("{cores}, shared by driver, service and PostgreSQL")),
        ("processor", first_value("/proc/cpuinfo", "model name").unwrap_or_else(|| said("uname", &["-m"]))),
        ("memory", first_value("/proc/meminfo", "MemTotal").unwrap_or_else(|| "not told".to_owned())),
        ("system", said("uname", &["-sr"])),
    ]
}

fn first_value(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "not told".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
