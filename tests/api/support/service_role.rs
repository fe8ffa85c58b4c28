//! The role that the service works as in production: it reads and writes rows and can't change the schema or the audit log. Every
//! service and every command of the tests works as this role. Not so, and why:
//!
//! * what a test does behind the service's back (`app.rows`, and parts of the service that it calls with `app.rows.database`): it
//!   changes what no service may;
//! * commands on an empty database, or on a server that a command makes for itself: they bring the schema up to date, as the owner;
//! * `migrate` and `retention` have the owner's address beside the role's, as docs/operations.md wants it.

use std::sync::atomic::{AtomicU32, Ordering};

use pledges::db::{Database, roles};
use secrecy::{ExposeSecret, SecretString};

use super::{cluster, rows::Rows};

/// The role in all databases that come from the template, where it was given its rights.
const EVERYWHERE: &str = "pledges_service";

static NEXT: AtomicU32 = AtomicU32::new(1);

fn with_role(owner: &SecretString, name: &str) -> SecretString {
    let url = owner.expose_secret();
    assert!(url.starts_with("postgres://pledges@"), "the owner of the tests is another one");
    url.replacen("postgres://pledges@", &format!("postgres://{name}@"), 1).into()
}

async fn make(owner: &SecretString, name: &str) -> SecretString {
    Rows::new(owner).await.execute(&format!("CREATE ROLE {name} LOGIN")).await;
    let service = with_role(owner, name);
    let database = Database::new(&service, 2).unwrap().with_owner(Some(owner));
    roles::grant_service(&database).await.unwrap();
    database.close();
    service
}

/// Makes the role of all databases, in the template.
pub async fn make_everywhere(template: &SecretString) {
    make(template, EVERYWHERE).await;
}

/// The address of a database from the template, as the role; None: it is from elsewhere.
pub fn known(owner: &SecretString) -> Option<SecretString> {
    cluster::is_from_template(owner).then(|| with_role(owner, EVERYWHERE))
}

/// The address of a database for a role that has just what `pledges migrate` gives. The schema must be there.
pub async fn of(owner: &SecretString) -> SecretString {
    match known(owner) {
        Some(service) => service,
        None => make(owner, &format!("service_{}", NEXT.fetch_add(1, Ordering::SeqCst))).await,
    }
}
