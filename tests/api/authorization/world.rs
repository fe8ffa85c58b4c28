//! Where every operation finds something to work on.

use chrono::TimeDelta;
use pledges::{
    accounts::{Role, tokens::AccessTokens},
    clock::{Clock, FixedClock},
    pledges::links::Links,
    sealing::recipients::Identity,
};
use reqwest::RequestBuilder;
use serde_json::json;
use uuid::Uuid;

use super::{Caller, Operation, path};
use crate::accounts::phone::Phone;
use crate::support::{
    TestApp,
    client::{Client, pledge},
    key_ring,
    rows::PASSWORD,
};

fn rule() -> serde_json::Value {
    json!({"kind": "block", "subject": "domain", "value": "example.net", "note": "Only bots use it"})
}

/// A world with something to find for every operation, and somebody to prepare it.
pub struct World {
    pub app: TestApp,
    pub admin: Client,
    known: Vec<(Caller, Client)>,
    next: u32,
}

impl World {
    pub async fn new() -> Self {
        let app = TestApp::start().await;
        app.rows.campaign("other").await;
        app.rows.recipient("defend", &Identity::generate()).await;
        app.rows.execute("UPDATE campaigns SET publish_partners = true, wall = true").await;
        app.service.handles.campaigns.renew().await.unwrap();
        app.publish().await;
        let admin = app.signed_in(Role::Admin).await;
        Self { app, admin, known: Vec::new(), next: 0 }
    }

    pub async fn new_pledge(&mut self) -> Uuid {
        self.next += 1;
        self.app.client().pledge(&pledge(&format!("p{}@example.org", self.next))).await.expect(201);
        let page = self.admin.get("/v1/moderation/campaigns/defend/pledges?limit=1").await.expect(200);
        page["pledges"][0]["id"].as_str().unwrap().parse().unwrap()
    }

    /// Address and code of a mail.
    pub async fn new_code(&mut self) -> serde_json::Value {
        let (pledge, mail, links) = (self.new_pledge().await, Uuid::now_v7(), Links::new(key_ring()));
        let campaign = self.app.service.handles.campaigns.find("defend").unwrap().id;
        let code = links.code(mail);
        let (hash, stored) = (links.token(campaign, mail).hash(), Uuid::from_bytes(links.stored_code(mail, &code)));
        let [left, right] = [&hash[..16], &hash[16..]].map(|half| Uuid::from_slice(half).unwrap().simple());
        let (hash, stored) = (format!("{left}{right}"), stored.simple());
        self.app
            .rows
            .execute(&format!(
                "INSERT INTO mail_links (id, campaign_id, pledge_id, hash, code) \
                 SELECT '{mail}', campaign_id, id, decode('{hash}', 'hex'), decode('{stored}', 'hex') FROM pledges \
                 WHERE id = '{pledge}'"
            ))
            .await;
        json!({"email": format!("p{}@example.org", self.next), "code": code.as_str()})
    }

    pub async fn new_removal(&mut self) -> String {
        let order = json!({"ids": [self.new_pledge().await], "reason": "test", "note": "To have one"});
        let answer = self.admin.post("/v1/moderation/campaigns/defend/removals", &order).await.expect(201);
        answer["removal"]["id"].as_str().unwrap().to_owned()
    }

    pub async fn new_acceptance(&mut self) -> String {
        let pledge = self.new_pledge().await;
        self.app.rows.execute(&format!("UPDATE pledges SET state = 'held' WHERE id = '{pledge}'")).await;
        let order = json!({"ids": [pledge], "note": "To have one"});
        let answer = self.admin.post("/v1/moderation/campaigns/defend/acceptances", &order).await.expect(200);
        answer["acceptance"].as_str().unwrap().to_owned()
    }

    /// One that is under way and paused: what it looks for is nowhere.
    pub async fn new_paused_removal(&self) -> String {
        let id = Uuid::now_v7();
        let rows = &self.app.rows;
        rows.execute(&format!(
            "INSERT INTO removals (id, campaign_id, moderator_id, reason, note, pledges, state, paused_because, expected) \
             SELECT '{id}', campaigns.id, moderators.id, 'bot', 'A wave', 0, 'paused', 'moderator', 1 FROM campaigns, moderators \
             WHERE slug = 'defend' LIMIT 1"
        ))
        .await;
        rows.execute(&format!(
            "INSERT INTO removal_work (removal_id, undo, moderator_id, search, recent_from, part, id, paused_at) \
             SELECT id, false, moderator_id, '{{\"country\": \"AQ\", \"signals\": 0, \"domain_tags\": [], \"name_tags\": []}}', \
               id, 0, id, now() FROM removals WHERE id = '{id}'"
        ))
        .await;
        id.to_string()
    }

    pub async fn new_partner(&self) -> String {
        let new = json!({"name": "Human Rights House"});
        let added = self.admin.post("/v1/admin/campaigns/defend/partners", &new).await.expect(201);
        added["id"].as_str().unwrap().to_owned()
    }

    pub async fn new_rule(&self) -> String {
        let added = self.admin.post("/v1/moderation/campaigns/defend/rules", &rule()).await.expect(201);
        added["id"].as_str().unwrap().to_owned()
    }

    /// A token of a link for somebody new.
    pub async fn new_invitation(&mut self) -> (String, String) {
        self.next += 1;
        let new = json!({"login": format!("invited{}", self.next), "role": "moderator", "campaigns": ["defend"]});
        let made = self.admin.post("/v1/admin/invitations", &new).await.expect(201);
        let token = made["link"].as_str().unwrap().split_once("#invite=").unwrap().1.to_owned();
        (token, made["invitation"]["id"].as_str().unwrap().to_owned())
    }

    /// An account that nobody is signed in with.
    pub async fn new_account(&self) -> String {
        let login = self.app.rows.moderator(Role::Moderator, &["defend"]).await;
        self.app.rows.value(&format!("SELECT id FROM moderators WHERE login = '{login}'")).await
    }

    /// A session of the caller's, or of nobody who calls.
    pub async fn new_session(&self, operation: &Operation, client: &Client) -> String {
        let own = client.get("/v1/auth/sessions").await;
        if operation.path.starts_with("/v1/auth/") && own.status == 200 {
            return own.json()["sessions"][0]["id"].as_str().unwrap().to_owned();
        }
        self.app.signed_in(Role::Moderator).await;
        self.app.rows.value("SELECT id FROM sessions ORDER BY id DESC LIMIT 1").await
    }

    /// As if the caller had proved long ago who they are.
    pub async fn grow_stale(&self, client: &Client) {
        let session = client.token.as_ref().unwrap().split('.').nth(1).unwrap();
        let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, session).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        let stale = "UPDATE sessions SET proved_at = now() - interval '11 minutes' WHERE id =";
        self.app.rows.execute(&format!("{stale} '{}'", claims["sid"].as_str().unwrap())).await;
    }

    /// Bodies of what concerns accounts. None: the operation isn't one of these.
    async fn body_about_accounts(&mut self, operation: &str, client: &Client) -> Option<serde_json::Value> {
        Some(match operation {
            "login" => json!({"login": self.app.rows.moderator(Role::Moderator, &[]).await, "password": PASSWORD}),
            "stepUp" => json!({"password": PASSWORD}),
            "changePassword" => json!({"password": PASSWORD, "new_password": "quite another passphrase"}),
            "confirmTotp" => {
                let offer = client.post("/v1/auth/totp", &serde_json::Value::Null).await;
                let learnt = offer.status == 201;
                json!({"code": if learnt { Phone::learn(offer.json()["secret"].as_str().unwrap()).code() } else { "1".into() }})
            }
            "lookAtInvitation" => json!({"token": self.new_invitation().await.0}),
            "acceptInvitation" => json!({"token": self.new_invitation().await.0, "password": PASSWORD}),
            "invite" => json!({"login": "somebody", "role": "admin"}),
            "setAccount" => json!({"role": "organiser"}),
            _ => return None,
        })
    }

    /// A right request, which only the caller's permission can make fail.
    pub async fn request(&mut self, operation: &Operation, client: &Client) -> RequestBuilder {
        let id = match operation.path.contains("{id}") {
            true if operation.path.contains("/partners/") => Some(self.new_partner().await),
            true if operation.path.contains("/rules/") => Some(self.new_rule().await),
            true if operation.path.contains("/accounts/") => Some(self.new_account().await),
            true if operation.path.contains("/invitations/") => Some(self.new_invitation().await.1),
            true if operation.path.contains("/sessions/") => Some(self.new_session(operation, client).await),
            true if operation.path.contains("/acceptances/") => Some(self.new_acceptance().await),
            true if ["pauseRemoval", "resumeRemoval", "cancelRemoval"].contains(&operation.id.as_str()) => {
                Some(self.new_paused_removal().await)
            }
            true => Some(self.new_removal().await),
            false => None,
        };
        if operation.id == "newRecoveryCodes" && client.get("/v1/auth/me").await.status == 200 {
            Phone::set_up(client).await;
        }
        let about_accounts = self.body_about_accounts(&operation.id, client).await;
        let body = match operation.id.as_str() {
            _ if about_accounts.is_some() => about_accounts,
            "recordPledge" => Some(pledge("somebody@example.org")),
            "lookUpPledge" | "erasePerson" | "accessPerson" | "askForLink" => {
                Some(json!({"email": "somebody@example.org"}))
            }
            "previewRemoval" => Some(json!({"country": "DE"})),
            "searchPledges" => Some(json!({"name": "Amina Okafor"})),
            "confirmPledge" => Some(self.new_code().await),
            "recordPledges" => Some(json!({"pledges": [pledge("somebody@example.org")]})),
            "addPartner" => Some(json!({"name": "Human Rights House"})),
            "addRule" => Some(rule()),
            "revealPledges" => Some(json!({"ids": [Uuid::now_v7()], "note": "To see"})),
            "removePledges" => Some(json!({"ids": [self.new_pledge().await], "reason": "bot", "note": "A bot"})),
            "acceptPledges" => Some(json!({"ids": [self.new_pledge().await], "note": "Nothing odd"})),
            "approveWallEntries" | "dismissWallReports" => Some(json!({"ids": [Uuid::now_v7()]})),
            "declineWallEntries" | "hideWallEntries" => Some(json!({"ids": [Uuid::now_v7()], "reason": "spam"})),
            "reportWallEntry" => Some(json!({"entry": Uuid::new_v4(), "reason": "abuse"})),
            "setSettings" => Some(json!({"hold_at": 100, "note": "As it was"})),
            "switchOn" => Some(json!({"reason": "A wave"})),
            "undoRemoval" | "undoAcceptance" => Some(json!({"note": "No bot"})),
            "exportPledges" | "setPartner" | "rotatePartnerKey" | "setPartnerTrialMailbox" => Some(json!({})),
            other => {
                assert!(!operation.has_body, "{other}: what is a right body?");
                None
            }
        };
        let query = match operation.id.as_str() {
            "checkEmbedding" => "?campaign=defend&site_key=pk_x&origin=https://example.org",
            _ => "",
        };
        let path = format!("{}{query}", path(operation, id.as_deref()));
        let request = client.request(operation.method.clone(), &path);
        if let Some(body) = body { request.json(&body) } else { request }
    }

    /// The same person each time. Somebody new where the operation is about their own session, password or second factor, so that one
    /// operation doesn't end the session of the next.
    pub async fn caller(&mut self, caller: Caller, operation: &Operation) -> Client {
        if operation.path.starts_with("/v1/auth/") {
            return self.client(caller).await;
        }
        if let Some((_, client)) = self.known.iter().find(|(known, _)| *known == caller) {
            return client.clone();
        }
        let client = self.client(caller).await;
        self.known.push((caller, client.clone()));
        client
    }

    /// Somebody new.
    pub async fn client(&self, caller: Caller) -> Client {
        let mut client = self.app.client();
        match caller {
            Caller::Nobody => {}
            Caller::Garbage => client.token = Some("eyJhbGciOiJub25lIn0.e30.".into()),
            Caller::Expired => client.token = Some(self.expired_token().await),
            Caller::SignedIn { role, of_the_campaign } => {
                let campaign = if of_the_campaign { "defend" } else { "other" };
                client.login(&self.app.rows.moderator(role, &[campaign]).await).await;
            }
            Caller::Organises { campaign } => {
                let both = ["defend", "other"];
                client.login(&self.app.rows.organiser_of(Role::Moderator, &both, &[campaign]).await).await;
            }
        }
        client
    }

    /// An admin's token in every way, but from eleven minutes ago.
    pub async fn expired_token(&self) -> String {
        let session = "SELECT sessions.id FROM sessions JOIN moderators ON moderators.id = moderator_id \
             WHERE role = 'admin' ORDER BY sessions.id LIMIT 1";
        let session: Uuid = self.app.rows.value(session).await.parse().unwrap();
        let account = self.app.rows.value(&format!("SELECT moderator_id FROM sessions WHERE id = '{session}'")).await;
        let then = Clock::Fixed(FixedClock::at(Clock::System.now() - TimeDelta::minutes(11)));
        let tokens = AccessTokens::new(&key_ring(), then).unwrap();
        tokens.issue(account.parse().unwrap(), session).unwrap().to_string()
    }
}
