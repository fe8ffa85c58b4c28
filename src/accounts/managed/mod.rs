//! Accounts as admins manage them. Nobody changes the account that they are signed in with, and two admins who change each
//! other at once come one after the other: so there is always an admin left.

pub mod routes;
pub mod store;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{AccountError, Accounts, Role, Who};

/// An account as admins see it.
#[derive(Clone, Debug)]
pub struct Managed {
    /// The account.
    pub id: Uuid,
    /// Its login.
    pub login: String,
    /// What it may do.
    pub role: Role,
    /// Slugs of its campaigns.
    pub campaigns: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Since when it is closed.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Whether it has a second factor.
    pub second_factor: bool,
    /// When one of its sessions was last used, as far back as they are kept.
    pub used_at: Option<DateTime<Utc>>,
    /// Pledges that it may remove in a day, if the number is its own.
    pub removals_per_day: Option<i32>,
    /// Pledges that it has removed today.
    pub removed_today: i64,
}

/// What is to be changed; None: nothing.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What it may do.
    pub role: Option<Role>,
    /// Ids of its campaigns.
    pub campaigns: Option<Vec<Uuid>>,
    /// Whether it is closed.
    pub disabled: Option<bool>,
    /// Pledges that it may remove in a day.
    pub removals_per_day: Option<i32>,
}

impl Accounts {
    /// Every account, by login.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn managed(&self) -> Result<Vec<Managed>, AccountError> {
        Ok(self.database.run(async |connection| store::list(connection, None).await).await?)
    }

    /// Changes an account; closing it ends its sessions. `campaigns` are slugs.
    ///
    /// # Errors
    /// [`AccountError::OwnAccount`], fields that aren't right, [`crate::db::DbError::NotFound`], and others of the database.
    pub async fn change(
        &self,
        who: &Who,
        account: Uuid,
        change: Change,
        campaigns: Option<&[String]>,
    ) -> Result<Managed, AccountError> {
        if who.id == account {
            return Err(AccountError::OwnAccount);
        }
        let mut change = change;
        if let Some(slugs) = campaigns {
            // That somebody who is no admin needs one is looked at when role and campaigns are both known.
            change.campaigns = Some(self.campaign_ids(Role::Admin, slugs).await?);
        }
        let changed = async |connection: &mut _| store::change(connection, who, account, &change).await;
        let changed = self.database.run(changed).await?;
        changed.ok_or(AccountError::Field("/campaigns", crate::http::FieldCode::Required))
    }
}
