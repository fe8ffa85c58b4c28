//! The role that the service works as: it appends to the log, and can do nothing else to it.

use pledges::{
    accounts::Role,
    audit::months,
    db::{self, Database, roles},
};

use secrecy::ExposeSecret;
use serde_json::json;

use super::{append, is_well};
use crate::{
    moderation::{
        REMOVALS,
        by_search::{begun, remove_found, until},
        put, undo,
    },
    support::{TestApp, cluster, program, rows::Rows, service_role},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_service_can_append_to_the_log_and_nothing_else() {
    let url = cluster::database().await;
    let rows = Rows::new(&url).await;
    let service = Rows::new(&service_role::of(&url).await).await;
    append(&rows, 1).await;
    append(&service, 2).await;
    let month = rows.value("to_char(now() AT TIME ZONE 'UTC', '\"audit_log_\"YYYY_MM')").await;
    let before = rows.list("SELECT each::text FROM audit_log AS each").await;
    for sql in [
        "UPDATE audit_log SET action = 'nothing'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "DROP TABLE audit_log",
        "ALTER TABLE audit_log DISABLE TRIGGER append_only",
        "ALTER TABLE audit_log DISABLE TRIGGER chain",
        "DROP TRIGGER chain ON audit_log",
        "SET session_replication_role = replica",
        "INSERT INTO audit_log (at, action, details) VALUES ('2020-01-01', 'test.past', '{}')",
        "INSERT INTO audit_log (number, action, details) VALUES (99, 'test.number', '{}')",
        "UPDATE audit_head SET number = 0",
        "SELECT FROM audit_head FOR UPDATE",
        "DELETE FROM audit_head",
        "INSERT INTO audit_checkpoints (month, number, hash, entries) VALUES ('2020-01-01', 9, sha256('x'), 9)",
        "CREATE OR REPLACE FUNCTION audit_hash(number bigint, at timestamptz, moderator uuid, campaign uuid, action text, \
           details jsonb, previous bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT previous $$",
        "CREATE TABLE mine (number bigint)",
        "SELECT audit_log_make_month('2020-01-01')",
        &format!("DELETE FROM {month}"),
        &format!("UPDATE {month} SET action = 'nothing'"),
        &format!("TRUNCATE {month}"),
        &format!("DROP TABLE {month}"),
        &format!("ALTER TABLE audit_log DETACH PARTITION {month}"),
        &format!("INSERT INTO {month} (action, details) VALUES ('test.month', '{{}}')"),
        "DROP TABLE audit_log_default",
        "DELETE FROM __diesel_schema_migrations",
    ] {
        let mut connection = service.database.open().await.unwrap();
        let refused = diesel_async::RunQueryDsl::execute(diesel::sql_query(sql), &mut connection)
            .await
            .expect_err(sql)
            .to_string();
        assert!(refused.contains("permission denied") || refused.contains("must be owner"), "{sql}: {refused}");
    }
    assert_eq!(rows.list("SELECT each::text FROM audit_log AS each").await, before);
    assert_eq!(is_well(&service).await.number, 2, "the service itself may check");
}

/// A month is made by the service and dropped by the owner.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_makes_months_and_drops_none() {
    let url = cluster::database().await;
    let rows = Rows::new(&url).await;
    let service = Rows::new(&service_role::of(&url).await).await;
    rows.execute("INSERT INTO audit_log (at, action, details) VALUES ('2020-01-31', 'test.old', '{}')").await;
    let ahead = rows.value("to_char(now() AT TIME ZONE 'UTC' + interval '3 months', '\"audit_log_\"YYYY_MM')").await;
    rows.execute(&format!("DROP TABLE {ahead}")).await;
    assert!(months::look_after(&service.database, 24).await.unwrap().is_empty());
    assert_eq!(rows.number(&format!("SELECT count(*) FROM pg_class WHERE relname = '{ahead}'")).await, 1);
    assert_eq!(rows.number("SELECT count(*) FROM audit_log WHERE action = 'test.old'").await, 1);
    // What was made since the grants is closed to it as well.
    let mut connection = service.database.open().await.unwrap();
    diesel_async::RunQueryDsl::execute(diesel::sql_query(format!("DELETE FROM {ahead}")), &mut connection)
        .await
        .unwrap_err();
    assert_eq!(months::look_after(&rows.database, 24).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_runs_on_a_schema_that_the_owner_has_migrated() {
    let url = cluster::empty_database().await;
    let owner = Rows::new(&url).await;
    owner.execute("CREATE ROLE service_that_migrates_not LOGIN").await;
    let as_service = url.expose_secret().replacen("pledges@", "service_that_migrates_not@", 1).into();
    let alone = Database::new(&as_service, 2).unwrap();
    db::migrate(&alone).await.unwrap_err();
    let both = Database::new(&as_service, 2).unwrap().with_owner(Some(&url));
    assert!(!db::migrate(&both).await.unwrap().is_empty());
    assert_eq!(db::migrate(&alone).await.unwrap(), Vec::<String>::new());
    owner.execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261203000002'").await;
    db::migrate(&alone).await.unwrap_err();
}

/// All tests of removals work so; should that change, this one is still there.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_by_a_search_a_large_undo_and_the_doctor_work_as_the_service() {
    let app = TestApp::start().await;
    let service = Rows::new(&service_role::of(&app.url).await).await;
    let may = async |rows: &Rows| roles::may_change_the_log(&mut rows.database.open().await.unwrap()).await.unwrap();
    assert!(may(&app.rows).await && !may(&service).await);
    let works =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'pledges_service'";
    assert!(app.rows.number(works).await > 0);
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 1_203).await;
    app.rows.repair_counts().await;
    app.searched().await;
    let by_ids = json!({"ids": ids[..3], "reason": "test", "note": "As the service"});
    client.post(REMOVALS, &by_ids).await.expect(201);
    let removal = begun(&remove_found(&client, json!({}), 1_200).await);
    assert_eq!(until(&client, &removal, "done").await["pledges"], 1_200);
    undo(&client, &removal).await.expect(202);
    assert_eq!(until(&client, &removal, "undone").await["put_back"], 1_200);
    is_well(&app.rows).await;
    let doctor = |arguments: &[&str]| program::run(program::command_on(&app.url, app.var.path(), arguments));
    doctor(&["doctor"]).await.expect(0);
    doctor(&["doctor", "--repair"]).await.expect(0);
    app.stop().await;
}

/// A database with a role of its own, made by these statements, in which `{role}` and `{database}` stand for the names; the service
/// would work as that role.
async fn with_role(statements: &[&str]) -> Database {
    let url = cluster::database().await;
    let rows = Rows::new(&url).await;
    let database = rows.value("current_database()").await;
    let role = format!("of_{database}");
    for sql in [&["CREATE ROLE {role} LOGIN"], statements].concat() {
        rows.execute(&sql.replace("{role}", &role).replace("{database}", &database)).await;
    }
    let service = url.expose_secret().replacen("pledges@", &format!("{role}@"), 1).into();
    Database::new(&service, 2).unwrap().with_owner(Some(&url))
}

async fn could_change_the_log(service: &Database) -> bool {
    roles::may_change_the_log(&mut service.open().await.unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_could_change_the_log_by_a_detour_is_told_and_is_not_taken_for_the_service() {
    let url = cluster::database().await;
    let version = Rows::new(&url).await.number("current_setting('server_version_num')").await;
    let detours = [
        ("ALTER SCHEMA public OWNER TO {role}", true),
        ("ALTER DATABASE {database} OWNER TO {role}", version >= 150_000),
        ("GRANT pledges TO {role}", true),
        ("GRANT pg_write_all_data TO {role}", true),
        ("ALTER ROLE {role} CREATEROLE", version < 160_000),
        ("ALTER ROLE {role} CREATEDB", false),
    ];
    for (sql, could) in detours {
        let service = with_role(&[sql]).await;
        assert_eq!(could_change_the_log(&service).await, could, "{sql}");
        assert_eq!(roles::grant_service(&service).await.is_err(), could, "{sql}");
    }
    // What was granted is taken back.
    let service = with_role(&["GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"]).await;
    assert!(could_change_the_log(&service).await);
    roles::grant_service(&service).await.unwrap();
    assert!(!could_change_the_log(&service).await);
}
