//! The moderators' API as the console uses it: signed in, one request after the other on one connection.

use std::{fmt::Write, net::SocketAddr, time::Duration};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    http::Client,
    lab::{CAMPAIGN, Lab, Stage},
};

/// The account of the driver: an admin, so that no quota stops a removal.
const LOGIN: &str = "bench";

/// A session's proof of who it is lasts ten minutes, and so does its token: it is renewed well before, and not within what is measured.
const RENEWED_AFTER: Duration = Duration::from_secs(240);

/// What was answered.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// From sending to the last byte of the answer.
    pub time: Duration,
    /// JSON; null when there is none.
    pub body: Value,
}

impl Answer {
    /// The same, when its status is this one.
    ///
    /// # Errors
    /// When it isn't, with what the service said.
    pub fn is(self, status: u16) -> anyhow::Result<Self> {
        ensure!(self.status == status, "status {} instead of {status}: {}", self.status, self.body);
        Ok(self)
    }
}

/// A session.
pub struct Api {
    client: Client,
    address: SocketAddr,
    password: String,
    token: String,
    signed_in_at: Instant,
}

impl Api {
    /// Makes the account, or gives it a new password, and signs in.
    ///
    /// # Errors
    /// When it can't.
    pub async fn sign_in(stage: &Stage<'_>) -> anyhow::Result<Self> {
        let (address, password) = (stage.service.address, account(stage.lab, &stage.url).await?);
        let client = Client::new(address);
        let mut api = Self { client, address, password, token: String::new(), signed_in_at: Instant::now() };
        api.renew().await?;
        Ok(api)
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let body = json!({ "login": LOGIN, "password": self.password });
        let answer = self.send("POST", "/v1/auth/login", Some(&body)).await?.is(200)?;
        self.token = text(&answer.body, "access_token")?;
        self.signed_in_at = Instant::now();
        Ok(())
    }

    /// Signs in anew unless that was lately: the check of who one is must be fresh for large removals.
    ///
    /// # Errors
    /// When it can't.
    pub async fn stay_fresh(&mut self) -> anyhow::Result<()> {
        if self.signed_in_at.elapsed() > RENEWED_AFTER { self.renew().await } else { Ok(()) }
    }

    /// What stands at a path below the campaign.
    ///
    /// # Errors
    /// When nothing is answered.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.stay_fresh().await?;
        self.send("GET", &format!("/v1/moderation/campaigns/{CAMPAIGN}/{path}"), None).await
    }

    /// Posts to a path below the campaign.
    ///
    /// # Errors
    /// When nothing is answered.
    pub async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.stay_fresh().await?;
        self.send("POST", &format!("/v1/moderation/campaigns/{CAMPAIGN}/{path}"), Some(body)).await
    }

    /// The published total.
    ///
    /// # Errors
    /// When nothing is answered.
    pub async fn public_total(&mut self) -> anyhow::Result<i64> {
        let answer = self.send("GET", &format!("/v1/campaigns/{CAMPAIGN}/totals"), None).await?.is(200)?;
        number(&answer.body, "total")
    }

    async fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        if !self.token.is_empty() {
            write!(request, "authorization: Bearer {}\r\n", self.token)?;
        }
        match body.map(Value::to_string) {
            Some(body) => {
                write!(request, "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
            }
            None => request.push_str("\r\n"),
        }
        let sent = Instant::now();
        let head = self.client.exchange(request.as_bytes()).await.with_context(|| format!("{method} {path}"))?;
        let time = sent.elapsed();
        let body = serde_json::from_slice(self.client.body(&head)).unwrap_or_default();
        Ok(Answer { status: head.status, time, body })
    }
}

/// The password of the driver's account on a database, made anew.
async fn account(lab: &Lab, url: &str) -> anyhow::Result<String> {
    let run = async |arguments: &[&str]| lab.program.run(&lab.var_dir("moderator"), Some(url), arguments).await;
    let said = match run(&["moderator", "add", LOGIN, "--role", "admin"]).await {
        Ok(said) => said,
        // In a directory that is kept it is there.
        Err(_) => run(&["moderator", "reset-password", LOGIN]).await?,
    };
    let password = said.split_once("the password is ").and_then(|(_, rest)| rest.split_whitespace().next());
    Ok(password.context("no password was told")?.to_owned())
}

/// A text in an answer.
///
/// # Errors
/// When it isn't there.
pub fn text(body: &Value, field: &str) -> anyhow::Result<String> {
    Ok(body.get(field).and_then(Value::as_str).with_context(|| format!("no {field}: {body}"))?.to_owned())
}

/// A number in an answer.
///
/// # Errors
/// When it isn't there.
pub fn number(body: &Value, field: &str) -> anyhow::Result<i64> {
    body.get(field).and_then(Value::as_i64).with_context(|| format!("no {field}: {body}"))
}
