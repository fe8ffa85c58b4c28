//! The shelf of epochs.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;

use super::{Audience, recipients::Recipient, record::Epoch};
use crate::db::{
    Connection, DbError,
    schema::{campaigns, sealing_epochs},
};

/// Stores the wrapped key of an epoch. Nothing may be sealed under it before this is committed.
///
/// # Errors
/// [`DbError::NotFound`] when the campaign's retention has ended; those of the database.
pub(super) async fn add(
    connection: &mut Connection,
    audience: Audience,
    epoch: &Epoch,
    wrapped: &[u8],
    recipients: &[Recipient],
) -> Result<(), DbError> {
    // An instance may go by old settings: once a campaign's keys are destroyed there are no new ones.
    let ended: bool = diesel::select(diesel::dsl::exists(
        campaigns::table.filter(campaigns::id.eq(audience.campaign)).filter(campaigns::salt.is_null()),
    ))
    .get_result(connection)
    .await?;
    if ended {
        return Err(DbError::NotFound);
    }
    let recipients: Vec<String> = recipients.iter().map(Recipient::to_string).collect();
    diesel::insert_into(sealing_epochs::table)
        .values((
            sealing_epochs::id.eq(epoch.id),
            sealing_epochs::campaign_id.eq(audience.campaign),
            sealing_epochs::partner_id.eq(audience.partner),
            sealing_epochs::wrapped_key.eq(wrapped),
            sealing_epochs::recipients.eq(recipients),
        ))
        .execute(connection)
        .await?;
    Ok(())
}
