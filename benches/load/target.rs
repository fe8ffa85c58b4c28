//! The running service that a load is sent to.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Args;

/// Which service and campaign.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// Address of the service: http, and no path.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,

    /// The campaign's slug.
    #[arg(long, default_value = "together-we-defend")]
    pub campaign: String,
}

impl Target {
    /// Where to connect.
    ///
    /// # Errors
    /// When the address isn't one, or has no machine behind it.
    pub async fn address(&self) -> anyhow::Result<SocketAddr> {
        let place = self.url.strip_prefix("http://").context("the driver speaks plain http")?;
        let place = place.trim_end_matches('/');
        let mut found = tokio::net::lookup_host(place).await.with_context(|| format!("{place} is not found"))?;
        found.next().with_context(|| format!("{place} is not found"))
    }
}
