//! The role that the service works as in production: it reads and writes rows and can't change the schema or the audit log.

use std::sync::atomic::{AtomicU32, Ordering};

use pledges::db::{Database, roles};
use secrecy::{ExposeSecret, SecretString};

use super::rows::Rows;

static NEXT: AtomicU32 = AtomicU32::new(1);

/// Whether every service of the tests is to work as that role: `PLEDGES_TEST_SERVICE_ROLE=1 cargo test --test api`.
#[expect(clippy::disallowed_methods, reason = "how the one who runs the tests asks for it")]
pub fn is_asked_for() -> bool {
    std::env::var_os("PLEDGES_TEST_SERVICE_ROLE").is_some()
}

/// The address of the same database for a new role that has just what `pledges migrate` gives. The schema must be there.
pub async fn of(owner: &SecretString) -> SecretString {
    let name = format!("service_{}", NEXT.fetch_add(1, Ordering::SeqCst));
    Rows::new(owner).await.execute(&format!("CREATE ROLE {name} LOGIN")).await;
    let url = owner.expose_secret();
    assert!(url.starts_with("postgres://pledges@"), "the owner of the tests is another one");
    let service: SecretString = url.replacen("postgres://pledges@", &format!("postgres://{name}@"), 1).into();
    let database = Database::new(&service, 2).unwrap().with_owner(Some(owner));
    roles::grant_service(&database).await.unwrap();
    database.close();
    service
}
