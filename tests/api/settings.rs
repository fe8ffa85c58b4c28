//! Settings and secrets: what the service refuses to start with, what it makes for itself, and what never gets into a
//! log.

mod logs;

use std::{os::unix::fs::PermissionsExt, process::Command};

use crate::support::{
    ROOT_SECRET, cluster,
    program::{self, Ended, Running, VarDir},
};

/// `serve` in production with everything that it needs. Where the database would be, nothing listens: what is wrong with
/// the settings is told before anything is tried.
fn production(var: &VarDir) -> Command {
    let mut command = program::command(var.path(), &["serve", "--bind", "127.0.0.1:0"]);
    command.env("PLEDGES_MODE", "production").env("PLEDGES_PUBLIC_URL", "https://pledges.example.org");
    command.env("PLEDGES_ROOT_SECRET", ROOT_SECRET).env("DATABASE_URL", NOBODY_LISTENS);
    command.env("PLEDGES_SMTP_URL", "smtp://127.0.0.1:1").env("PLEDGES_MAIL_FROM", "pledges@example.org");
    command
}

const NOBODY_LISTENS: &str = "postgres://ada:word-for-ada@127.0.0.1:1/db-of-ada";

/// Fails unless the service does not start and says this, which never holds one of the values.
async fn is_refused(command: Command, reason: &[&str], never: &[&str]) -> Ended {
    let ended = program::run(command).await.expect(1);
    let last = ended.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("pledges: "), "{}", ended.stderr);
    for reason in reason {
        assert!(last.contains(reason), "{reason}: {}", ended.stderr);
    }
    for value in never {
        assert!(!ended.stderr.contains(value) && !ended.stdout.contains(value), "{value}: {}", ended.stderr);
    }
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn production_starts_with_proper_settings() {
    let (url, var) = (cluster::database().await, VarDir::new());
    let mut command = production(&var);
    command.env("DATABASE_URL", secrecy::ExposeSecret::expose_secret(&url));
    let service = Running::start(command).await;
    let answer = service.client().get("/readyz/write").await;
    assert!(!answer.header("strict-transport-security").is_empty(), "it is reached by https");
    let ended = service.terminate().await.expect(0);
    assert!(!ended.stderr.contains("development mode"), "{}", ended.stderr);
    assert!(!var.file("root-secret").exists(), "it makes no secret of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn production_refuses_a_missing_or_weak_root_secret() {
    let var = VarDir::new();
    let mut command = production(&var);
    command.env_remove("PLEDGES_ROOT_SECRET");
    is_refused(command, &["PLEDGES_ROOT_SECRET", "is not set", "openssl rand -hex 32"], &[]).await;
    assert!(!var.file("root-secret").exists(), "it makes none of its own");
    for (secret, problem) in [
        ("", "shorter than 32 bytes"),
        ("                                        ", "shorter than 32 bytes"),
        ("5f1e2d3c4b5a69788796a5b4c3d2e1f", "shorter than 32 bytes"),
        ("changeme-8f3b2a1c9d7e6f50-4a5b6c7d8e9f", "placeholder"),
        ("ChangeMe-8f3b2a1c9d7e6f50-4a5b6c7d8e9f", "placeholder"),
        ("8f3b2a1c9d7e6f50-my-secret-4a5b6c7d8e9f", "placeholder"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "random"),
        ("abababababababababababababababababababab", "random"),
    ] {
        let mut command = production(&var);
        command.env("PLEDGES_ROOT_SECRET", secret);
        let never: &[&str] = if secret.trim().is_empty() { &[] } else { &[secret] };
        is_refused(command, &["PLEDGES_ROOT_SECRET", problem], never).await;
        // Development is no excuse for a bad one that was set on purpose.
        let mut command = production(&var);
        command.env("PLEDGES_MODE", "development").env("PLEDGES_ROOT_SECRET", secret);
        is_refused(command, &["PLEDGES_ROOT_SECRET", problem], never).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_file_must_be_private_and_hold_a_proper_secret() {
    let (url, var) = (cluster::database().await, VarDir::new());
    let path = var.file("root");
    let name = path.to_str().unwrap().to_owned();
    let with_file = || {
        let mut command = production(&var);
        command.env_remove("PLEDGES_ROOT_SECRET").env("PLEDGES_ROOT_SECRET_FILE", &path);
        command
    };
    is_refused(with_file(), &[&name], &[]).await;
    std::fs::write(&path, format!("\n{ROOT_SECRET}\n")).unwrap();
    for mode in [0o644, 0o640, 0o604, 0o660] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        is_refused(with_file(), &[&name, "can be read by others", "chmod 600"], &[ROOT_SECRET]).await;
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = with_file();
    command.env("DATABASE_URL", secrecy::ExposeSecret::expose_secret(&url));
    Running::start(command).await.terminate().await.expect(0);
    std::fs::write(&path, "changeme-8f3b2a1c9d7e6f50-4a5b6c7d8e9f").unwrap();
    is_refused(with_file(), &[&name, "placeholder"], &["changeme-8f3b"]).await;
    std::fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    is_refused(with_file(), &[&name], &[]).await;
    // Two secrets are one too many: which is meant?
    let mut command = production(&var);
    command.env("PLEDGES_ROOT_SECRET_FILE", &path);
    let ended = program::run(command).await.expect(2);
    assert!(ended.stderr.contains("--root-secret-file") && !ended.stderr.contains(ROOT_SECRET), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn production_refuses_a_public_address_that_is_missing_or_not_https() {
    let var = VarDir::new();
    let mut command = production(&var);
    command.env_remove("PLEDGES_PUBLIC_URL");
    is_refused(command, &["PLEDGES_PUBLIC_URL", "is not set"], &[]).await;
    for (url, problem) in [
        ("http://pledges.example.org", "https://"),
        ("ftp://pledges.example.org", "https://"),
        ("pledges.example.org", ""),
        ("", ""),
        ("https://", ""),
        ("https://ada@pledges.example.org", "scheme, host and port only"),
        ("https://:word@pledges.example.org", "scheme, host and port only"),
        ("https://pledges.example.org/path", "scheme, host and port only"),
        ("https://pledges.example.org/?query", "scheme, host and port only"),
        ("https://pledges.example.org/#part", "scheme, host and port only"),
    ] {
        let mut command = production(&var);
        command.env("PLEDGES_PUBLIC_URL", url);
        let never: &[&str] = if url.len() < 9 { &[] } else { &[url] };
        let ended = program::run(command).await;
        assert!(
            ended.code == Some(1) && ended.stderr.contains("pledges: PLEDGES_PUBLIC_URL "),
            "{url}: {}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains(problem) && never.iter().all(|url| !ended.stderr.contains(url)),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_refuses_to_start_without_a_safe_way_for_mails() {
    let var = VarDir::new();
    for (variable, value, problem) in [
        ("PLEDGES_SMTP_URL", None, "is not set, and production mode needs it"),
        ("PLEDGES_SMTP_URL", Some("smtp://ada:word-for-ada@mail.example.org"), "in clear over the network"),
        ("PLEDGES_SMTP_URL", Some("smtp://192.0.2.1?tls=opportunistic"), "in clear over the network"),
        ("PLEDGES_SMTP_URL", Some("https://ada:word-for-ada@mail.example.org"), "must begin with smtps://"),
        ("PLEDGES_SMTP_URL", Some("word-for-ada"), "is not an address"),
        ("PLEDGES_MAIL_FROM", None, "is not set, and production mode needs it"),
        ("PLEDGES_MAIL_FROM", Some("nobody"), "is no address"),
        ("PLEDGES_MAIL_FROM", Some("a@b.example\r\nBcc: c@d.example"), "line break"),
    ] {
        let mut command = production(&var);
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
        is_refused(command, &[variable, problem], &["word-for-ada", "192.0.2.1", "Bcc"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_out_of_reach_is_told_without_its_address() {
    let var = VarDir::new();
    for url in [
        NOBODY_LISTENS,
        "postgres://ada:word-for-ada@%2Fno%2Fsuch%2Fdirectory/db-of-ada",
        "postgres://ada:word-for-ada@host.invalid/db-of-ada",
        "word-for-ada db-of-ada",
    ] {
        for arguments in [&["serve", "--bind", "127.0.0.1:0"][..], &["migrate"], &["moderator", "list"], &["doctor"]] {
            let mut command = program::command(var.path(), arguments);
            command.env("DATABASE_URL", url);
            let never = ["word-for-ada", "db-of-ada", "postgres://"];
            let ended = is_refused(command, &["the database can't be reached"], &never).await;
            assert_eq!(ended.stderr.matches("can't be reached").count(), 1, "said twice: {}", ended.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_make_no_sense_end_with_status_2() {
    let var = VarDir::new();
    for (variable, value) in [
        ("PLEDGES_TRUSTED_PROXIES", "10.0.0.0/8,everybody"),
        ("PLEDGES_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("PLEDGES_MODE", "staging"),
        ("PLEDGES_BIND", "everywhere"),
        ("PLEDGES_BIND", "127.0.0.1:99999"),
        ("PLEDGES_WORKERS", "0"),
        ("PLEDGES_MAX_CONNECTIONS", "0"),
        ("PLEDGES_LOOK_EVERY_MS", "9"),
        ("PLEDGES_SHUTDOWN_SECONDS", "0"),
        ("PLEDGES_DATABASE_CONNECTIONS", "1"),
        ("PLEDGES_LOG_FORMAT", "xml"),
    ] {
        let mut command = production(&var);
        // The argument would win over the variable.
        command = if variable == "PLEDGES_BIND" { program::command(var.path(), &["serve"]) } else { command };
        command.env(variable, value);
        let ended = program::run(command).await.expect(2);
        let flag = variable.strip_prefix("PLEDGES_").unwrap().to_lowercase().replace('_', "-");
        assert!(ended.stderr.contains(&format!("--{flag}")), "{variable}={value}: {}", ended.stderr);
    }
    // Proxies can be given with spaces between, as people write lists.
    let (url, mut spaced) =
        (cluster::database().await, program::command(var.path(), &["serve", "--bind", "127.0.0.1:0"]));
    spaced.env("DATABASE_URL", secrecy::ExposeSecret::expose_secret(&url));
    spaced.env("PLEDGES_TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8");
    Running::start(spaced).await.terminate().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn development_makes_its_own_secret_once_and_keeps_it_private() {
    let (url, var) = (cluster::database().await, VarDir::new());
    let service = Running::on_own_secret(&url, &var).await;
    let path = var.file("root-secret");
    let secret = std::fs::read_to_string(&path).unwrap();
    assert!(secret.trim().len() >= 43);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let ended = service.terminate().await.expect(0);
    assert!(!ended.stderr.contains(secret.trim()) && !ended.stdout.contains(secret.trim()));
    assert!(ended.stderr.contains("development mode"), "it says that this is not for live use: {}", ended.stderr);
    Running::on_own_secret(&url, &var).await.terminate().await.expect(0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), secret);
    // No half-made file is left beside it.
    let left: Vec<_> = std::fs::read_dir(var.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        left.iter().all(|name| ["root-secret", "lock", "development-identity.age"].contains(&name.to_str().unwrap())),
        "{left:?}"
    );
    // Opened up by somebody, it is not used any more.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mut command = program::command(var.path(), &["serve", "--bind", "127.0.0.1:0"]);
    command.env("DATABASE_URL", secrecy::ExposeSecret::expose_secret(&url));
    is_refused(command, &["root-secret", "can be read by others"], &[secret.trim()]).await;
}

impl Running {
    /// `serve` on the database at `url`, in development and with no secret given.
    async fn on_own_secret(url: &secrecy::SecretString, var: &VarDir) -> Self {
        let mut command = program::command(var.path(), &["serve", "--bind", "127.0.0.1:0"]);
        command.env("DATABASE_URL", secrecy::ExposeSecret::expose_secret(url));
        Self::start(command).await
    }
}
