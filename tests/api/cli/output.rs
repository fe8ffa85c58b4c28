//! What becomes of a command whose output can't be written.

use std::{
    fs::File,
    process::{Output, Stdio},
};

use crate::support::program::{self, VarDir};

/// Prints the longest text of all commands into this.
fn print_into(output: impl Into<Stdio>) -> Output {
    let var = VarDir::new();
    program::command(var.path(), &["openapi"])
        .stdout(output)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap()
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = print_into(writer);
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_one() {
    let ended = print_into(File::options().write(true).open("/dev/full").unwrap());
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1));
    assert!(told.starts_with("pledges: the output can't be written: "), "{told}");
}
