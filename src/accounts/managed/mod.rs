//! Accounts as admins manage them. Nobody changes the account that they are signed in with, and two admins who change each
//! other at once come one after the other: so there is always an admin left.

pub mod routes;
pub mod store;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{AccountError, Accounts, Role, Seat, Who};
use crate::http::FieldCode;

/// An account as admins see it.
#[derive(Clone, Debug)]
pub struct Managed {
    /// The account.
    pub id: Uuid,
    /// Its login.
    pub login: String,
    /// What it may do.
    pub role: Role,
    /// Its campaigns.
    pub campaigns: Vec<Seat>,
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
    /// Its campaigns.
    pub campaigns: Option<Vec<Seat>>,
    /// Slugs of those of its campaigns that it organises.
    pub organises: Option<Vec<String>>,
    /// Whether it is closed.
    pub disabled: Option<bool>,
    /// Pledges that it may remove in a day.
    pub removals_per_day: Option<PerDay>,
}

/// How many pledges an account may remove in a day.
#[derive(Clone, Copy, Debug)]
pub enum PerDay {
    /// A number of its own.
    Own(i32),
    /// As many as its role has.
    Usual,
}

impl PerDay {
    /// The number of its own.
    pub fn own(self) -> Option<i32> {
        match self {
            Self::Own(number) => Some(number),
            Self::Usual => None,
        }
    }
}

/// What became of a change.
#[derive(Debug)]
pub enum Changed {
    /// It is made.
    Done(Managed),
    /// The account would be left without a campaign, and is no admin's: nothing is changed.
    NoCampaignLeft,
    /// The account would organise a campaign that isn't its own: nothing is changed.
    NotItsCampaign,
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
            change.campaigns = Some(self.seats(Role::Admin, slugs, &[]).await?);
        }
        let changed = async |connection: &mut _| store::change(connection, who, account, &change).await;
        match self.database.run(changed).await? {
            Changed::Done(account) => Ok(account),
            Changed::NoCampaignLeft => Err(AccountError::Field("/campaigns", FieldCode::Required)),
            Changed::NotItsCampaign => Err(AccountError::Field("/organises", FieldCode::UnknownCampaign)),
        }
    }
}
