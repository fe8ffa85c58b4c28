//! Two roles: the owner of the tables, and the one that the service works as. The second reads and writes rows, appends to the
//! audit log, and can neither change what is in it nor the schema.

use diesel::{
    QueryableByName,
    sql_types::{Bool, Text},
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::{Connection, Database, DbError};

/// What the service's role gets, in one transaction; `{service}` stands for its name. Tables of later releases get it when
/// that release has migrated.
const GRANTS: &str = include_str!("roles.sql");

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Role {
    /// Quoted for SQL.
    #[diesel(sql_type = Text)]
    name: String,
    /// It may do anything, whatever it is given.
    #[diesel(sql_type = Bool)]
    is_superuser: bool,
}

async fn role(connection: &mut Connection) -> Result<Role, DbError> {
    let sql =
        "SELECT quote_ident(current_user) AS name, rolsuper AS is_superuser FROM pg_roles WHERE rolname = current_user";
    Ok(diesel::sql_query(sql).get_result(connection).await?)
}

/// Whether this role may make tables.
///
/// # Errors
/// Those of the database.
pub async fn may_change_the_schema(connection: &mut Connection) -> Result<bool, DbError> {
    let sql = "SELECT has_schema_privilege('public', 'CREATE') AS yes";
    Ok(diesel::sql_query(sql).get_result::<Yes>(connection).await?.yes)
}

/// Whether this role could change what is in the audit log: it owns the log, or may do anything.
///
/// # Errors
/// Those of the database.
pub async fn may_change_the_log(connection: &mut Connection) -> Result<bool, DbError> {
    let sql = "SELECT rolsuper OR pg_has_role(current_user, relowner, 'MEMBER') AS yes FROM pg_roles, pg_class \
               WHERE rolname = current_user AND pg_class.oid = 'audit_log'::regclass";
    Ok(diesel::sql_query(sql).get_result::<Yes>(connection).await?.yes)
}

/// Whether PostgreSQL lets this role vacuum; it skips tables of others without an error.
///
/// # Errors
/// Those of the database.
pub async fn may_vacuum(connection: &mut Connection) -> Result<bool, DbError> {
    // Before 17 there is no such privilege, and asking for it is an error.
    let sql = "SELECT rolsuper OR pg_has_role(current_user, relowner, 'MEMBER') \
                 OR CASE WHEN current_setting('server_version_num')::integer >= 170000 \
                   THEN has_table_privilege('pledges', 'MAINTAIN') ELSE false END AS yes \
               FROM pg_roles, pg_class WHERE rolname = current_user AND pg_class.oid = 'pledges'::regclass";
    Ok(diesel::sql_query(sql).get_result::<Yes>(connection).await?.yes)
}

/// Gives the role of `DATABASE_URL` exactly what the service needs, as the owner. Nothing is done when both are one role, or the
/// service's is a superuser.
///
/// # Errors
/// Those of the database.
pub async fn grant_service(database: &Database) -> Result<(), DbError> {
    let service = role(&mut database.open_direct().await?).await?;
    let mut owner = database.open_owner().await?;
    if service.is_superuser || role(&mut owner).await?.name == service.name {
        return Ok(());
    }
    Ok(owner.batch_execute(&GRANTS.replace("{service}", &service.name)).await?)
}
