//! Rows put in and looked at behind the service's back.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use diesel::{QueryableByName, sql_types::Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use pledges::{
    accounts::{self, Role, Seat},
    campaigns::{self, settings::NewCampaign},
    db::{Connection, Database},
    sealing::recipients::Identity,
    totals::recount::Recount,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

use super::key_ring;

/// The password of everybody in the tests.
pub const PASSWORD: &str = "a long password for the tests";

/// In front of what a test asks the database by itself, so that it isn't taken for a query of the service.
pub const OURS: &str = "/* test */ ";

static NEXT: AtomicU32 = AtomicU32::new(1);
static HASH: OnceCell<String> = OnceCell::const_new();

/// A way into the database.
#[derive(Clone)]
pub struct Rows {
    pub database: Database,
    kept: Arc<Mutex<Option<Connection>>>,
}

#[derive(QueryableByName)]
struct Scalar {
    #[diesel(sql_type = Text)]
    value: String,
}

impl From<Database> for Rows {
    fn from(database: Database) -> Self {
        Self { database, kept: Arc::default() }
    }
}

impl Rows {
    #[expect(clippy::unused_async, reason = "a pool must be made on a runtime")]
    pub async fn new(url: &SecretString) -> Self {
        Self::from(Database::new(url, 2).unwrap())
    }

    /// On one connection, one after the other: to open one takes longer than most of what is asked. What comes meanwhile has one of
    /// its own.
    async fn on_kept<T>(&self, work: impl AsyncFnOnce(&mut Connection) -> T) -> T {
        let Ok(mut kept) = self.kept.try_lock() else {
            return work(&mut self.database.open().await.unwrap()).await;
        };
        let mut kept_one = kept.take();
        if let Some(connection) = &mut kept_one
            && connection.batch_execute("").await.is_err()
        {
            // A test ended it, or the server.
            kept_one = None;
        }
        let mut connection = match kept_one {
            Some(connection) => connection,
            None => self.database.open().await.unwrap(),
        };
        let done = work(&mut connection).await;
        *kept = Some(connection);
        done
    }

    pub async fn execute(&self, sql: &str) {
        let query = diesel::sql_query(format!("{OURS}{sql}"));
        let done = self.on_kept(async |connection| query.execute(connection).await).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The one value of a query, as text; the query names it freely.
    pub async fn value(&self, expression: &str) -> String {
        let sql = format!("{OURS}SELECT coalesce(({expression})::text, 'NULL') AS value");
        let query = diesel::sql_query(&sql);
        let row: Result<Scalar, _> = self.on_kept(async |connection| query.get_result(connection).await).await;
        row.unwrap_or_else(|error| panic!("{sql}: {error}")).value
    }

    /// A number.
    pub async fn number(&self, expression: &str) -> i64 {
        self.value(expression).await.parse().unwrap()
    }

    /// The texts of a query's only column.
    pub async fn list(&self, query: &str) -> Vec<String> {
        let query = diesel::sql_query(format!("{OURS}SELECT value::text AS value FROM ({query}) AS rows (value)"));
        let rows: Result<Vec<Scalar>, _> = self.on_kept(async |connection| query.load(connection).await).await;
        rows.unwrap().into_iter().map(|row| row.value).collect()
    }

    /// How PostgreSQL would go about a query, line by line.
    pub async fn plan(&self, query: &str) -> String {
        let explain = "CREATE OR REPLACE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS \
             $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || query; END $$";
        self.execute(explain).await;
        self.list(&format!("SELECT plan_of($query${query}$query$)")).await.join("\n")
    }

    /// An open campaign that asks for name and e-mail and may have a message.
    pub async fn campaign(&self, slug: &str) {
        self.campaign_with(slug, json!({})).await;
    }

    /// The same with some settings changed.
    pub async fn campaign_with(&self, slug: &str, changes: Value) {
        let text = |title: &str| {
            json!({"title": title, "summary": "A summary.", "body": ["A paragraph."], "share": "Share",
                "privacy_notice": "What happens to your data."})
        };
        let mut settings = json!({
            "slug": slug,
            "default_language": "en",
            "confirmation": "none",
            "proof": "off",
            "fields": {"name": "required", "email": "required", "message": "optional"},
            "controller": {"name": "Controller", "contact": "privacy@example.org"},
            "consents": [
                {"purpose": "updates", "version": 1, "texts": {"en": "You may write to me."}},
                {"purpose": "public", "version": 1, "texts": {"en": "You may show my name."}},
            ],
            "texts": {"en": text("A pledge"), "fr": text("Un engagement"), "ar": text("تعهد")},
        });
        for (name, value) in changes.as_object().unwrap() {
            settings[name] = value.clone();
        }
        let new: NewCampaign = serde_json::from_value(settings).unwrap();
        let salt = pledges::crypto::random_bytes().unwrap();
        let add = async |connection: &mut Connection| {
            campaigns::store::add(connection, &new, 1, &salt, key_ring().current().id()).await.unwrap();
        };
        self.on_kept(add).await;
        self.execute(&format!("UPDATE campaigns SET state = 'open', publish_every_ms = 10 WHERE slug = '{slug}'"))
            .await;
    }

    /// Lets the organiser's records and lists be sealed to this key, as if it had been tried.
    pub async fn recipient(&self, slug: &str, identity: &Identity) {
        self.execute(&format!(
            "INSERT INTO recipients (id, campaign_id, public_key, label, checked_at) \
             SELECT '{}', id, '{}', 'A test', now() FROM campaigns WHERE slug = '{slug}'",
            Uuid::now_v7(),
            identity.recipient()
        ))
        .await;
    }

    /// Adds somebody with the password [`PASSWORD`] and returns the login.
    pub async fn moderator(&self, role: Role, campaigns: &[&str]) -> String {
        self.organiser_of(role, campaigns, &[]).await
    }

    /// Somebody who signs in with this role, and organises some of the campaigns whatever it is. The login.
    pub async fn organiser_of(&self, role: Role, campaigns: &[&str], organises: &[&str]) -> String {
        let hash = HASH.get_or_init(async || accounts::passwords::hash(PASSWORD).unwrap()).await;
        let login = format!("{}{}", role.as_str(), NEXT.fetch_add(1, Ordering::SeqCst));
        let add = async |connection: &mut Connection| {
            let mut seats = Vec::new();
            for slug in campaigns {
                let campaign = campaigns::store::find(connection, slug).await.unwrap().id;
                seats.push(Seat { campaign, slug: (*slug).to_owned(), organises: organises.contains(slug) });
            }
            accounts::store::add(connection, &login, role, hash, &seats).await.unwrap();
        };
        self.on_kept(add).await;
        login
    }

    /// Waits until moderators' search knows all pledges as they are.
    pub async fn searched(&self) {
        const BEHIND: &str = "(SELECT count(*) FROM search_changes) + (SELECT count(*) FROM pledges \
             WHERE NOT EXISTS (SELECT FROM pledge_search WHERE pledge_search.id = pledges.id))";
        super::eventually("the search has followed", async || self.number(&format!("SELECT {BEHIND}")).await == 0)
            .await;
    }

    /// Makes the counters what the rows say, as `pledges doctor --repair` does.
    pub async fn repair_counts(&self) {
        super::eventually("the counters are repaired", async || {
            let mut connection = self.database.open().await.unwrap();
            pledges::pledges::recount::store::repair_counts(&mut connection).await.is_ok()
        })
        .await;
        assert_eq!(self.differences().await, Vec::<String>::new());
    }

    /// What `pledges doctor` would complain of.
    pub async fn differences(&self) -> Vec<String> {
        let check =
            async |connection: &mut Connection| pledges::pledges::recount::store::check_counts(connection).await;
        let recounts = self.on_kept(check).await.unwrap();
        recounts.iter().flat_map(Recount::differences).collect()
    }
}
