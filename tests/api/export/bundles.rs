//! Bundles as files: made whole or not at all, and what is told of damaged ones. That any damaged byte costs one pledge at
//! the most is shown beside the code.

use pledges::sealing::{recipients::Identity, record::Epoch};

use super::{Person, World, offline, table};
use crate::support::program::{command_on, run, run_with};

async fn three(world: &World) {
    for name in ["A", "B", "C"] {
        world.put(&Person::named(name)).await;
    }
}

fn names(stdout: &str) -> Vec<String> {
    table(stdout).into_iter().map(|row| row[1].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_line_is_told_and_the_rest_opens() {
    let world = World::new().await;
    three(&world).await;
    world.export("bundle").await;
    let mut bytes = std::fs::read(world.files.file("bundle")).unwrap();
    let lines: Vec<usize> = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    // Two lines of the head, the epoch twice, and A.
    bytes[lines[4] + 100] ^= 1;
    std::fs::write(world.files.file("damaged"), &bytes).unwrap();
    let ended = world.open("damaged", &[]).await.expect(1);
    assert_eq!(names(&ended.stdout), ["A", "C"]);
    let first = &table(&ended.stdout)[0][0];
    let line =
        format!("line 6: does not open: it is damaged, or belongs elsewhere (it comes after the pledge {first})");
    assert!(ended.stderr.contains(&line), "{}", ended.stderr);
    assert!(ended.stderr.contains("2 of 3 pledges opened") && ended.stderr.contains("1 things are wrong"));

    std::fs::write(world.files.file("cut"), &bytes[..lines[4] + 50]).unwrap();
    let ended = world.open("cut", &[]).await.expect(1);
    assert_eq!(names(&ended.stdout), ["A"]);
    assert!(ended.stderr.contains("the bundle is cut off"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_somebody_laid_into_another_row_is_refused_and_named() {
    let world = World::new().await;
    three(&world).await;
    let (first, second) =
        ("SELECT id FROM pledges ORDER BY id LIMIT 1", "SELECT id FROM pledges ORDER BY id OFFSET 1 LIMIT 1");
    let second_id = world.rows.value(second).await;
    world
        .rows
        .execute(&format!(
            "UPDATE pledges SET sealed_record = (SELECT sealed_record FROM pledges WHERE id = ({first})) WHERE id = '{second_id}'"
        ))
        .await;
    world.export("bundle").await;
    let ended = world.open("bundle", &[]).await.expect(1);
    assert_eq!(names(&ended.stdout), ["A", "C"]);
    let told = format!("line 6: pledge {second_id}: its record does not open");
    assert!(ended.stderr.contains(&told), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_identity_opens_nothing_and_is_told_which_key_would() {
    let world = World::new().await;
    three(&world).await;
    world.export("bundle").await;
    world.write_identity("other", &Identity::generate());
    let (other, mine, bundle) = (world.path("other"), world.path("identity"), world.path("bundle"));
    let ended = run(offline(&["open", "--identity", &other, &bundle])).await.expect(1);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains(&world.identity.recipient().to_string()), "{}", ended.stderr);
    run(offline(&["open", "--identity", &other, "--identity", &mine, &bundle])).await.expect(0);
    run(offline(&["open", &bundle])).await.expect(2);
    // Not a key at all, and not a bundle.
    run(offline(&["open", "--identity", &bundle, &bundle])).await.expect(1);
    let ended = run(offline(&["open", "--identity", &mine, &mine])).await.expect(1);
    assert!(ended.stderr.contains("no bundle"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("AGE-SECRET-KEY"));
}

/// A key was changed: the bundle is sealed to the new one, older records to the old one. Both identities open everything.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_an_older_key_need_its_identity() {
    let world = World::new().await;
    let old = Identity::generate();
    let epoch = Epoch::begin(world.campaign).unwrap();
    world.put_epoch(&epoch, None, &[old.recipient()]).await;
    let older = world.put_in(&Person::named("Old"), &epoch).await;
    world.put(&Person::named("New")).await;
    world.export("bundle").await;
    let ended = world.open("bundle", &[]).await.expect(1);
    assert_eq!(names(&ended.stdout), ["New"]);
    let told = format!(
        "pledge {older}: its record does not open: none of the identities given fits; it is sealed to {}",
        old.recipient()
    );
    assert!(ended.stderr.contains(&told), "{}", ended.stderr);
    world.write_identity("old", &old);
    let ended = world.open("bundle", &["--identity", &world.path("old")]).await.expect(0);
    assert_eq!(names(&ended.stdout), ["Old", "New"]);
}

/// Keys that nobody has tried yet, and those that were taken away, open nothing; without any, the newest epoch's do.
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_sealed_to_the_keys_that_are_in_use() {
    let world = World::new().await;
    let [untried, removed] = [Identity::generate(), Identity::generate()];
    for (identity, change) in [(&untried, "checked_at = NULL"), (&removed, "removed_at = now()")] {
        world.rows.recipient("defend", identity).await;
        world
            .rows
            .execute(&format!("UPDATE recipients SET {change} WHERE public_key = '{}'", identity.recipient()))
            .await;
    }
    let told = world.export("bundle").await;
    assert!(told.stderr.contains(&format!("sealed to {}\n", world.identity.recipient())), "{}", told.stderr);
    world.rows.execute("DELETE FROM recipients").await;
    assert_eq!(world.export("second").await.stderr.lines().nth(1), told.stderr.lines().nth(1));
    world.rows.execute("DELETE FROM sealing_epochs").await;
    let refused = world.export_to("third", &[]).await.expect(1);
    assert!(refused.stderr.contains("nobody could open it"), "{}", refused.stderr);
    assert_eq!(world.rows.number("SELECT count(*) FROM exports").await, 2);
    assert_eq!(world.rows.number("SELECT count(*) FROM audit_log WHERE action = 'export'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_not_overwritten_and_nothing_half_is_left() {
    let world = World::new().await;
    three(&world).await;
    world.export("bundle").await;
    let before = std::fs::read(world.files.file("bundle")).unwrap();
    let refused = world.export_to("bundle", &[]).await.expect(1);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(std::fs::read(world.files.file("bundle")).unwrap(), before);
    assert_eq!(world.rows.number("SELECT count(*) FROM exports").await, 1, "refused before it was on record");
    world.export_to("bundle", &["--force"]).await.expect(0);
    assert_ne!(std::fs::read(world.files.file("bundle")).unwrap(), before);
    let out = world.path("third");
    run(command_on(&world.url, &world.files.file("var"), &["export", "unknown", "--out", &out])).await.expect(1);
    let left = std::fs::read_dir(world.files.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".part"));
    assert_eq!((left.count(), world.files.file("third").exists()), (0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_go_through_pipes() {
    let world = World::new().await;
    three(&world).await;
    let var = world.files.file("var");
    let bundle = run(command_on(&world.url, &var, &["export", "defend", "--out", "-"])).await.expect(0).stdout;
    let identity = world.path("identity");
    let ended = run_with(offline(&["open", "--identity", &identity, "-"]), &bundle).await.expect(0);
    assert_eq!(names(&ended.stdout), ["A", "B", "C"]);
}
