//! Keys are those of `age` (Debian package `age`), both ways: what was made with the one is opened with the other.

use std::process::Command;

use pledges::sealing::recipients::{self, Identity, Recipient};

use super::{Person, World, mode, offline};
use crate::support::{cluster, program::run};

/// A program of the package, which must be there: script/test installs it.
fn program(name: &str, world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.env_clear().args(arguments);
    command.env("PATH", cluster::config(world.files.path()).search_path.unwrap());
    let there = Command::new(name).arg("--version").output();
    assert!(there.is_ok(), "{name} is missing: apt-get install age");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_age_keygen_opens_a_bundle() {
    let world = World::new().await;
    let key = world.path("age.key");
    run(program("age-keygen", &world, &["-o", &key])).await.expect(0);
    let identity = Identity::parse_file(&std::fs::read_to_string(&key).unwrap()).unwrap().remove(0);
    world.rows.recipient("defend", &identity).await;
    let epoch = pledges::sealing::record::Epoch::begin(world.campaign).unwrap();
    world.put_epoch(&epoch, None, &[identity.recipient()]).await;
    world.put_in(&Person::default(), &epoch).await;
    world.export("bundle").await;
    run(offline(&["open", "--identity", &key, &world.path("bundle")])).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_ours_opens_with_age_what_we_wrapped() {
    let world = World::new().await;
    let key = world.path("our.key");
    let made = run(offline(&["keygen", "--out", &key])).await.expect(0);
    assert_eq!(mode(&world.files.file("our.key")), 0o600);
    let public = made.stdout.trim().strip_prefix("Public key: ").unwrap();
    let told = run(program("age-keygen", &world, &["-y", &key])).await.expect(0);
    assert_eq!(told.stdout.trim(), public);
    let wrapped = recipients::wrap(b"a secret", &[Recipient::parse(public).unwrap()]).unwrap();
    std::fs::write(world.files.file("wrapped"), wrapped).unwrap();
    let opened = run(program("age", &world, &["-d", "-i", &key, &world.path("wrapped")])).await.expect(0);
    assert_eq!(opened.stdout, "a secret");

    // Nor is it overwritten: it may be the only one that opens a list.
    let refused = run(offline(&["keygen", "--out", &key])).await.expect(1);
    assert!(refused.stderr.contains("is there already"), "{}", refused.stderr);
    let printed = run(offline(&["keygen"])).await.expect(0);
    let identity = Identity::parse_file(&printed.stdout).unwrap().remove(0);
    assert_eq!(printed.stderr.trim(), format!("Public key: {}", identity.recipient()));
}
