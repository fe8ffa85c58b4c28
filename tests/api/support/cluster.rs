//! One private PostgreSQL per test run, one database per test, cloned from a migrated template.

use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use pledges::db::{
    Database,
    local_postgres::{LocalPostgres, LocalPostgresConfig},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use super::{queries, rows::Rows, service_role};

const TEMPLATE: &str = "template_of_tests";

struct Cluster {
    postgres: LocalPostgres,
}

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The settings of a cluster in `directory`.
#[expect(clippy::disallowed_methods, reason = "PATH, as the service itself reads it")]
pub fn config(directory: &std::path::Path) -> LocalPostgresConfig {
    LocalPostgresConfig {
        var_dir: directory.to_owned(),
        search_path: std::env::var_os("PATH"),
        // Dropping a database walks over all buffers: hundreds of small ones want few.
        settings: vec![("max_connections".into(), "400".into()), ("shared_buffers".into(), "128MB".into())],
        ..LocalPostgresConfig::default()
    }
}

/// The address of a fresh database with the schema in it, in which the log must be written last ([`LOG_LAST`]). The service's role
/// has its rights there.
pub async fn database() -> SecretString {
    let cluster = CLUSTER.get_or_init(start).await;
    let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
    let admin = Rows::new(&cluster.postgres.url().into()).await;
    admin.execute(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await;
    cluster.postgres.database_url(&name).into()
}

/// Whether a database is one of [`database`].
pub fn is_from_template(url: &SecretString) -> bool {
    url.expose_secret().contains(&format!("/test_{}_", std::process::id()))
}

/// After this, whatever is written behind an entry of the audit log in its transaction is refused.
const LOG_LAST: &str = include_str!("log_last.sql");

/// The address of a fresh database with nothing in it.
pub async fn empty_database() -> SecretString {
    let cluster = CLUSTER.get_or_init(start).await;
    let name = format!("empty_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
    Rows::new(&cluster.postgres.url().into()).await.execute(&format!("CREATE DATABASE {name}")).await;
    cluster.postgres.database_url(&name).into()
}

async fn start() -> Cluster {
    // A directory of this run's own: two runs side by side don't meet.
    let directory = std::env::temp_dir().join(format!("pledges-tests-{}", std::process::id()));
    let postgres = LocalPostgres::start(&config(&directory)).await.unwrap();
    stop_when_we_end(&directory);
    queries::record();
    let admin = Rows::new(&postgres.url().into()).await;
    admin.execute(&format!("CREATE DATABASE {TEMPLATE}")).await;
    let url = postgres.database_url(TEMPLATE).into();
    let template = Database::new(&url, 2).unwrap();
    pledges::db::migrate(&template).await.unwrap();
    template.close();
    service_role::make_everywhere(&url).await;
    Rows::new(&url).await.execute(LOG_LAST).await;
    // A template must have no connections; the ones just closed take a moment.
    let sql = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{TEMPLATE}' AND pid <> pg_backend_pid()"
    );
    admin.execute(&sql).await;
    Cluster { postgres }
}

/// Statics are not dropped, and a test run may be killed: a small shell waits for our end, stops the server by its own
/// pid file, and removes the directory.
#[expect(clippy::zombie_processes, reason = "it outlives us on purpose")]
pub fn stop_when_we_end(directory: &std::path::Path) {
    let script = r#"
        trap '' INT TERM HUP
        while kill -0 "$1" 2>/dev/null; do sleep 1; done
        pid=$(head -n 1 "$2/postgres/data/postmaster.pid" 2>/dev/null)
        if [ -n "$pid" ]; then
            kill -CONT "$pid" 2>/dev/null
            kill -QUIT "$pid" 2>/dev/null
            while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
        fi
        rm -rf "$2"
    "#;
    Command::new("sh")
        .args(["-c", script, "sh", &std::process::id().to_string()])
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
}
