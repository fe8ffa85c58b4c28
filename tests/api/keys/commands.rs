//! `pledges keys`: what an operator sees and does with root secrets.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use super::{NEW_SECRET, begins_with, id, refused_start, ring};
use crate::support::{
    ROOT_SECRET, TestApp,
    client::pledge,
    program::{self, Ended},
};

/// A file with these root secrets, beside a service that was started with the first.
fn file(app: &TestApp, secrets: &[&str]) -> PathBuf {
    let path = app.var.path().join("secrets");
    fs::write(&path, ring(secrets) + "\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// A command with the root secrets of the file. It never shows one.
async fn keys(app: &TestApp, arguments: &[&str]) -> Ended {
    let path = app.var.path().join("secrets");
    let mut command = program::command_on(&app.url, app.var.path(), &[&["keys"], arguments].concat());
    command.env_remove("PLEDGES_ROOT_SECRET").env("PLEDGES_ROOT_SECRET_FILE", &path);
    let before = lines(&path);
    let ended = program::run(command).await;
    for secret in before.iter().chain(&lines(&path)) {
        assert!(!ended.stdout.contains(secret.as_str()) && !ended.stderr.contains(secret.as_str()), "{ended:?}");
    }
    ended
}

fn lines(path: &PathBuf) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn ids(path: &PathBuf) -> Vec<String> {
    lines(path).iter().map(|line| id(line).to_string()).collect()
}

fn left(app: &TestApp) -> Vec<String> {
    let names = fs::read_dir(app.var.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("secret")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rotate_puts_a_new_secret_in_front_and_keeps_the_file_private() {
    let app = TestApp::start().await;
    let path = file(&app, &[ROOT_SECRET]);
    let said = keys(&app, &["rotate"]).await.expect(0).stdout;
    let now = lines(&path);
    assert_eq!((now.len(), now[1].as_str()), (2, ROOT_SECRET));
    assert!(now[0].len() >= 43);
    assert!(
        said.starts_with(&format!("{} is now the first", ids(&path)[0])) && said.contains("restart each"),
        "{said}"
    );
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(left(&app), ["secrets"], "no draft is left");
    // The service takes the file, and the campaign keeps its key.
    let file = path.to_str().unwrap().to_owned();
    let mut command = program::command_on(&app.url, app.var.path(), &["serve", "--bind", "127.0.0.1:0"]);
    command.env_remove("PLEDGES_ROOT_SECRET").env("PLEDGES_ROOT_SECRET_FILE", file);
    let service = program::Running::start(command).await;
    service.client().pledge(&pledge("ann@example.org")).await.expect(201);
    service.terminate().await.expect(0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_several_instances_a_secret_is_staged_and_then_promoted() {
    let app = TestApp::start().await;
    let path = file(&app, &[ROOT_SECRET]);
    let said = keys(&app, &["rotate", "--stage"]).await.expect(0).stdout;
    let now = ids(&path);
    assert_eq!(now[0], id(ROOT_SECRET).to_string());
    assert!(said.contains(&format!("pledges keys rotate --promote {}", now[1])), "{said}");
    keys(&app, &["rotate", "--promote", &now[1]]).await.expect(0);
    assert_eq!(ids(&path), [now[1].clone(), now[0].clone()]);
    let ended = keys(&app, &["rotate", "--promote", "00000000"]).await.expect(1);
    assert!(ended.stderr.contains("there is no root secret 00000000"), "{}", ended.stderr);
    keys(&app, &["rotate", "--promote", &now[1], "--stage"]).await.expect(2);
    assert_eq!(ids(&path), [now[1].clone(), now[0].clone()]);
    assert_eq!(left(&app), ["secrets"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_others_can_read_or_that_is_being_changed_is_left_alone() {
    let app = TestApp::start().await;
    let path = file(&app, &[ROOT_SECRET]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let ended = keys(&app, &["rotate"]).await.expect(1);
    assert!(ended.stderr.contains("can be read by others"), "{}", ended.stderr);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let draft = app.var.path().join(".secrets.new");
    fs::write(&draft, "").unwrap();
    let ended = keys(&app, &["rotate"]).await.expect(1);
    assert!(ended.stderr.contains("another change of the secrets is under way"), "{}", ended.stderr);
    assert!(draft.exists(), "somebody else's draft is not ours to remove");
    assert_eq!(lines(&path), [ROOT_SECRET]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_the_environment_is_only_printed_when_asked_for() {
    let app = TestApp::start().await;
    let run = async |arguments: &[&str]| program::run(program::command_on(&app.url, app.var.path(), arguments)).await;
    for arguments in [&["keys", "rotate"][..], &["keys", "rotate", "--stage"]] {
        let said = run(arguments).await.expect(0).stdout;
        assert!(said.contains("PLEDGES_ROOT_SECRET") && said.contains("openssl rand -hex 32"), "{said}");
        assert!(!said.contains(ROOT_SECRET));
    }
    let said = run(&["keys", "rotate", "--print-secrets"]).await.expect(0).stdout;
    let printed: Vec<&str> = said.lines().collect();
    assert_eq!((printed.len(), printed[1]), (2, ROOT_SECRET));
    assert_ne!(id(printed[0]), id(ROOT_SECRET));
    assert_eq!(left(&app), [""; 0], "nothing is written");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn development_rotates_the_secret_that_it_made_itself() {
    let app = TestApp::start().await;
    let run = async |arguments: &[&str]| {
        let mut command = program::command_on(&app.url, app.var.path(), arguments);
        command.env_remove("PLEDGES_ROOT_SECRET");
        program::run(command).await
    };
    // Looking makes nothing.
    run(&["keys", "list"]).await.expect(1);
    run(&["doctor"]).await.expect(0);
    assert_eq!(left(&app), [""; 0]);
    run(&["keys", "rotate"]).await.expect(0);
    let path = app.var.path().join("root-secret");
    assert_eq!(lines(&path).len(), 2);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_says_what_needs_each_secret_and_retire_takes_out_only_what_nothing_needs() {
    let app = TestApp::start().await;
    app.client().pledge(&pledge("ann@example.org")).await.expect(201);
    let (old, new, spare) = (id(ROOT_SECRET), id(NEW_SECRET), "5d4f3e2c1b0a99887766554433221100ffeeddccbbaa9988");
    let path = file(&app, &[NEW_SECRET, ROOT_SECRET, spare]);
    let listed = keys(&app, &["list"]).await.expect(0).stdout;
    let expected = [
        format!("{new}\t1 (current)\tcampaigns: -\treview copies: 0\tmails: 0\trules: 0"),
        format!("{old}\t2\tcampaigns: defend\treview copies: 1\tmails: 0\trules: 0"),
        format!(
            "{}\t3\tcampaigns: -\treview copies: 0\tmails: 0\trules: 0\tcan be taken out, unless it is to become current",
            id(spare)
        ),
    ];
    assert_eq!(listed.lines().collect::<Vec<_>>(), expected);
    let retire = async |id: &str| keys(&app, &["retire", id]).await;
    for (id, reason) in [
        (new.to_string(), "is current"),
        (old.to_string(), "is still needed: 1 campaigns (defend), 1 review copies, 0 mails, 0 rules"),
        ("00000000".to_owned(), "there is no root secret 00000000"),
    ] {
        let ended = retire(&id).await.expect(1);
        assert!(ended.stderr.contains(reason), "{}", ended.stderr);
    }
    assert_eq!(lines(&path), [NEW_SECRET, ROOT_SECRET, spare]);
    retire("no id").await.expect(2);
    retire(&id(spare).to_string()).await.expect(0);
    assert_eq!(lines(&path), [NEW_SECRET, ROOT_SECRET]);
    // Either alone holds it.
    app.rows.execute("UPDATE pledges SET sealed_review = NULL").await;
    let ended = retire(&old.to_string()).await.expect(1);
    assert!(ended.stderr.contains("1 campaigns (defend), 0 review copies"), "{}", ended.stderr);
    app.client().pledge(&pledge("bob@example.org")).await.expect(201);
    begins_with(&app, NEW_SECRET).await;
    let ended = retire(&old.to_string()).await.expect(1);
    assert!(ended.stderr.contains("0 campaigns (), 1 review copies"), "{}", ended.stderr);
    app.rows.execute("DELETE FROM pledges").await;
    retire(&old.to_string()).await.expect(0);
    assert_eq!(lines(&path), [NEW_SECRET]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_told_by_list_and_doctor() {
    let app = TestApp::start().await;
    app.client().pledge(&pledge("ann@example.org")).await.expect(201);
    app.publish().await;
    file(&app, &[NEW_SECRET]);
    let listed = keys(&app, &["list"]).await.expect(0).stdout;
    let missing = format!(
        "{}\tmissing\tcampaigns: defend\treview copies: 0\tmails: 0\trules: 0\tthe service doesn't start",
        id(ROOT_SECRET)
    );
    assert!(listed.contains(&missing), "{listed}");
    assert!(listed.contains("1 review copies need a root secret that is not listed"), "{listed}");
    let mut doctor = program::command_on(&app.url, app.var.path(), &["doctor"]);
    doctor.env("PLEDGES_ROOT_SECRET", NEW_SECRET);
    let ended = program::run(doctor).await.expect(1);
    let reason = format!("campaign defend needs the root secret {}, which is not listed\n", id(ROOT_SECRET));
    assert_eq!(ended.stdout, reason);
    let doctor = program::command_on(&app.url, app.var.path(), &["doctor"]);
    program::run(doctor).await.expect(0);
    let url = app.url.clone();
    app.stop().await;
    assert!(refused_start(&url, &[NEW_SECRET]).await.stderr.contains(reason.trim_end()));
}
