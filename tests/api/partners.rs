//! Partners: whose pages and servers may post, what they see of it, and what organisers do.

mod admin;
mod batches;
mod origins;
mod status;
mod trials;

use pledges::{
    moderation::partners::register,
    partners::{
        Lane, keys,
        origins::OriginPattern,
        store::{self, NewPartner},
    },
};
use uuid::Uuid;

use crate::support::TestApp;

/// A partner of `defend` with all its keys.
pub struct Registered {
    pub id: Uuid,
    pub site_key: String,
    pub test_site_key: String,
    pub secret: String,
    pub test_secret: String,
}

/// Registers a partner with these origins, known to the service when this returns.
pub async fn partner(app: &TestApp, origins: &[&str]) -> Registered {
    let campaign = app.rows.value("SELECT id FROM campaigns WHERE slug = 'defend'").await.parse().unwrap();
    let origins = origins.iter().map(|origin| OriginPattern::parse(origin, true).unwrap()).collect();
    let new = NewPartner::new(campaign, "Human Rights House".into(), origins, 6_000).unwrap();
    let mut connection = app.rows.database.open().await.unwrap();
    let id = register(&mut connection, &new, None).await.unwrap();
    let (secret, hash) = keys::new_secret(Lane::Live).unwrap();
    store::rotate(&mut connection, campaign, id, (hash, Lane::Live), 0, None).await.unwrap();
    let (test_secret, hash) = keys::new_secret(Lane::Test).unwrap();
    store::rotate(&mut connection, campaign, id, (hash, Lane::Test), 0, None).await.unwrap();
    app.service.handles.partners.renew().await.unwrap();
    app.service.handles.campaigns.renew().await.unwrap();
    Registered { id, site_key: new.site_key, test_site_key: new.test_site_key, secret, test_secret }
}
