//! Random pledges, removals, undos and ticks: what is published is what the pure arithmetic of rule 8 says.

use std::collections::BTreeMap;

use pledges::{
    accounts::Role,
    country::Country,
    totals::shown::{Changes, Figures},
};
use serde_json::{Value, json};

use super::{adds_up, count, document};
use crate::support::{TestApp, client::Client};

const COUNTRIES: [&str; 6] = ["DE", "FR", "TV", "VA", "XK", "ZZ"];

/// A small generator (SplitMix64), so that a seed tells the whole story.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn country(&mut self) -> &'static str {
        COUNTRIES[usize::try_from(self.below(6)).unwrap()]
    }
}

/// The service, a moderator, and what should be published.
struct Trial {
    app: TestApp,
    public: Client,
    moderator: Client,
    model: Figures,
    /// Not folded yet.
    pending: Changes,
    removals: Vec<(String, BTreeMap<Country, i64>)>,
    chance: Chance,
    seed: u64,
}

impl Trial {
    async fn new(seed: u64) -> Self {
        let app = TestApp::with(&["--look-every-ms", "60000"]).await;
        let mut chance = Chance(seed);
        let threshold = [1, 2, 5, 7][usize::try_from(chance.below(4)).unwrap()];
        app.rows.execute(&format!("UPDATE campaigns SET threshold = {threshold}")).await;
        app.rows.execute("UPDATE campaign_totals SET version = version + 1").await;
        let model = Figures { threshold, total: 0, confirmed: 0, countries: BTreeMap::new() };
        let (public, moderator) = (app.client(), app.signed_in(Role::Moderator).await);
        app.reread().await;
        Self { app, public, moderator, model, pending: Changes::new(), removals: Vec::new(), chance, seed }
    }

    fn change(&mut self, country: &str, by: i64) {
        *self.pending.entry(country.parse().unwrap()).or_default() += by;
    }

    async fn pledge(&mut self) {
        let amount = if self.chance.below(4) == 0 { 20 + self.chance.below(100) } else { 1 + self.chance.below(6) };
        let amount = i64::try_from(amount).unwrap();
        let country = self.chance.country();
        count(&self.app, &[(country, amount)]).await;
        self.change(country, amount);
    }

    async fn remove(&mut self) {
        let (country, most) = (self.chance.country(), 1 + self.chance.below(60));
        let order = if self.chance.below(2) == 0 { "DESC" } else { "ASC" };
        let rows = self
            .app
            .rows
            .list(&format!(
                "SELECT concat_ws(' ', id, country) FROM pledges WHERE state = 'counted' \
                 AND (country = '{country}' OR right(id::text, 1) = '0') ORDER BY id {order} LIMIT {most}"
            ))
            .await;
        if rows.is_empty() {
            return;
        }
        let (mut ids, mut taken) = (Vec::new(), BTreeMap::new());
        for row in &rows {
            let (id, country) = row.split_once(' ').unwrap();
            ids.push(id);
            *taken.entry(country.parse::<Country>().unwrap()).or_default() += 1;
            self.change(country, -1);
        }
        let removal = json!({"ids": ids, "reason": "spam", "note": "A trial."});
        let done = self.moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
        self.removals.push((done["removal"]["id"].as_str().unwrap().to_owned(), taken));
    }

    async fn undo(&mut self) {
        let Some(last) = self.removals.len().checked_sub(1) else { return };
        let at = usize::try_from(self.chance.below(u64::try_from(last).unwrap() + 1)).unwrap();
        let (id, taken) = self.removals.swap_remove(at);
        let path = format!("/v1/moderation/campaigns/defend/removals/{id}/undo");
        self.moderator.post(&path, &json!({"note": "A trial."})).await.expect(200);
        for (country, by) in &taken {
            self.change(country.as_str(), *by);
        }
    }

    /// Folds in the service and in the model, with or without a tick, and compares.
    async fn publish(&mut self, tick: bool) {
        let before = document(&self.public).await;
        self.model.apply(&std::mem::take(&mut self.pending));
        if tick {
            self.model.reread();
            self.app.reread().await;
        } else {
            self.app.publish().await;
        }
        let after = document(&self.public).await;
        adds_up(&after);
        let shown = |(country, count): (Country, i64)| json!({"country": country, "count": count});
        let expected: Vec<Value> = self.model.shown().map(shown).collect();
        let published = [&after["total"], &after["countries"], &after["elsewhere"], &after["threshold"]];
        let modelled =
            [json!(self.model.total), json!(expected), json!(self.model.elsewhere()), json!(self.model.threshold)];
        assert_eq!(published, modelled.each_ref(), "seed {}", self.seed);
        let told = |document: &Value| [document["total"].clone(), document["countries"].clone()];
        let versions = [&before, &after].map(|document| document["version"].as_i64().unwrap());
        let grown = i64::from(told(&before) != told(&after));
        assert_eq!(versions[1] - versions[0], grown, "a version for each change, and only for a change");
        assert_eq!(before["as_of"] == after["as_of"], grown == 0);
    }

    async fn run(mut self, steps: usize) {
        for _ in 0..steps {
            match self.chance.below(20) {
                0..9 => self.pledge().await,
                9..13 => self.remove().await,
                13..15 => self.undo().await,
                15..19 => self.publish(false).await,
                _ => self.publish(true).await,
            }
        }
        self.publish(true).await;
        let exact = self.moderator.get("/v1/moderation/campaigns/defend/totals").await.expect(200);
        assert_eq!(exact["total"], self.model.total);
        assert_eq!(self.app.differences().await, [""; 0]);
        self.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_is_published_as_rule_8_says() {
    for seed in 1..=4 {
        Box::pin(Trial::new(seed).await.run(120)).await;
    }
}
