//! What a connection pooler in transaction mode must be able to do, tried at start: what it can't would otherwise show in the
//! middle of the night, or as pledges that were acknowledged before they were durable.

use diesel::{QueryableByName, sql_types::Bool};
use diesel_async::{AsyncConnection, RunQueryDsl};
use secrecy::{ExposeSecret, SecretString};

use super::{Connection, Database, DbError, PATIENCE};

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

impl Database {
    /// With a direct address beside the pool's: fails when prepared statements of different connections get mixed up on the way,
    /// and when the role's own settings let a commit be acknowledged before it is on disk. Settings of a session don't hold
    /// behind a pooler, so what we set for each connection is not enough there.
    ///
    /// # Errors
    /// [`DbError::Defect`] with what to do, and [`DbError::Unavailable`].
    pub(crate) async fn check_pooler(&self) -> Result<(), DbError> {
        let Some(direct) = &self.direct else { return Ok(()) };
        if !commits_are_durable(direct).await? {
            return Err(DbError::Defect(
                "behind a pooler the role itself must be durable: ALTER ROLE … SET synchronous_commit = on",
            ));
        }
        let (mut one, mut other) = (self.open().await?, self.open().await?);
        // diesel keeps this one prepared, on whichever connection of the server the pooler chose.
        let prepared = diesel::select(diesel::dsl::now);
        prepared.execute(&mut one).await?;
        // Somebody else takes that connection meanwhile, so the next time it must be another.
        let elsewhere = async |_: &mut Connection| prepared.execute(&mut one).await;
        other.transaction(elsewhere).await?;
        Ok(())
    }
}

async fn commits_are_durable(url: &SecretString) -> Result<bool, DbError> {
    // Without what the service sets for itself.
    let opened = tokio::time::timeout(PATIENCE, Connection::establish(url.expose_secret())).await;
    let mut connection = opened.map_err(|_| DbError::Unavailable)??;
    let durable: Yes = diesel::sql_query("SELECT current_setting('synchronous_commit') <> 'off' AS yes")
        .get_result(&mut connection)
        .await?;
    Ok(durable.yes)
}
