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

/// Whether this role owns the audit log, or may do anything.
///
/// # Errors
/// Those of the database.
pub async fn owns_the_log(connection: &mut Connection) -> Result<bool, DbError> {
    let sql = "SELECT rolsuper OR pg_has_role(current_user, relowner, 'MEMBER') AS yes FROM pg_roles, pg_class \
               WHERE rolname = current_user AND pg_class.oid = 'audit_log'::regclass";
    Ok(diesel::sql_query(sql).get_result::<Yes>(connection).await?.yes)
}

/// Whether this role could change what is in the audit log: it owns the log or the schema that it is in, has rights on it that go
/// beyond appending, may give itself other roles, or may do anything.
///
/// # Errors
/// Those of the database.
pub async fn may_change_the_log(connection: &mut Connection) -> Result<bool, DbError> {
    // The schema's owner may drop what is in it; of `public` that is by default the owner of the database. Before PostgreSQL 16
    // who may make roles may also give himself any that is no superuser.
    let sql = "SELECT rolsuper OR pg_has_role(current_user, relowner, 'MEMBER') OR pg_has_role(current_user, nspowner, 'MEMBER') \
                 OR (rolcreaterole AND current_setting('server_version_num')::integer < 160000) \
                 OR has_table_privilege('audit_log', 'UPDATE, DELETE, TRUNCATE, TRIGGER') \
                 OR has_table_privilege('audit_head', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') \
                 OR has_table_privilege('audit_checkpoints', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') AS yes \
               FROM pg_roles, pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
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

/// Whether this role sees how old the views of others are: of sessions of other roles PostgreSQL tells that to few.
///
/// # Errors
/// Those of the database.
pub async fn sees_the_sessions_of_others(connection: &mut Connection) -> Result<bool, DbError> {
    let sql = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS yes";
    Ok(diesel::sql_query(sql).get_result::<Yes>(connection).await?.yes)
}

/// Gives the role of `DATABASE_URL` exactly what the service needs, as the owner. Nothing is done when both are one role, or the
/// service's is a superuser.
///
/// # Errors
/// When the service could change the audit log nevertheless: it owns the schema or the database, say. Those of the database.
pub async fn grant_service(database: &Database) -> Result<(), DbError> {
    let service = role(&mut database.open_direct().await?).await?;
    let mut owner = database.open_owner().await?;
    if service.is_superuser || role(&mut owner).await?.name == service.name {
        return Ok(());
    }
    owner.batch_execute(&GRANTS.replace("{service}", &service.name)).await?;
    // What it has by other ways than these grants is not ours to take.
    if may_change_the_log(&mut database.open_direct().await?).await? {
        return Err(DbError::Defect(
            "the role of DATABASE_URL could still change the audit log: it owns the schema or the database, is a member of the \
             owner's role, or may make roles (docs/operations.md, Two roles)",
        ));
    }
    Ok(())
}
