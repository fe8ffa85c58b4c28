//! Switches, as a moderator under attack uses them. Moderators may hold all: it is invisible to supporters and partners, loses
//! nobody, and is what helps in the first minute. What others must do differently (mail, dearer proofs, a paused partner) is for
//! organisers.

pub mod routes;

use crate::{
    accounts::Role,
    campaigns::switches::{Switch, store::Target},
    db::{Connection, DbError},
    mail,
};

pub use super::note::note as reason;

/// The least role that may use a switch.
pub fn least_role(switch: Switch) -> Role {
    match switch {
        Switch::HoldAll => Role::Moderator,
        Switch::RequireMail | Switch::RaiseProof | Switch::PausePartner => Role::Organiser,
    }
}

/// Whether what the switch needs is there: mails leave, where they are to be required.
///
/// # Errors
/// Those of the database.
pub async fn is_usable(connection: &mut Connection, target: Target) -> Result<bool, DbError> {
    if target.switch != Switch::RequireMail {
        return Ok(true);
    }
    mail::store::leave(connection).await
}
