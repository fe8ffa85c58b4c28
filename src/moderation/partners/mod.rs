//! Partners, as organisers work on them.

mod names;
pub mod routes;
mod trials;

use uuid::Uuid;

use crate::{
    campaigns, crypto,
    db::{Connection, DbError},
    http::FieldCode,
    partners::{
        Partner,
        store::{self, NewPartner},
    },
    pledges::text::{Lines, clean_text, within},
};

/// A partner's name as it is kept.
///
/// # Errors
/// What is wrong with it.
pub fn name(text: &str) -> Result<String, FieldCode> {
    clean_text(text, Lines::One).and_then(|text| within(text, Partner::NAME_CHARS))
}

/// Adds a partner, and a place for the trials of its campaign where there is none. `moderator`: who does it; None: the operator.
///
/// # Errors
/// Those of the database, and when there is no randomness.
pub async fn register(connection: &mut Connection, new: &NewPartner, moderator: Option<Uuid>) -> Result<Uuid, DbError> {
    let salt = crypto::random_bytes().map_err(|_| DbError::Unavailable)?;
    campaigns::store::add_trials(connection, new.campaign, &salt).await?;
    store::add(connection, new, moderator).await
}
