//! Whatever happens to a pledge in whatever order, also at once: it counts once at the most, and the counters equal a recount.

use pledges::accounts::Role;
use serde_json::json;
use uuid::Uuid;

use super::{at, by_mail, confirm, is_well, mails, press, sent, totals};
use crate::support::{
    TestApp,
    client::{Client, pledge},
};

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Event {
    Pledge,
    Confirm,
    Remove,
    Undo,
    Withdraw,
    Erase,
}

const EVENTS: [Event; 6] = [Event::Pledge, Event::Confirm, Event::Remove, Event::Undo, Event::Withdraw, Event::Erase];

struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit).unwrap()
    }
}

async fn happens(app: &TestApp, moderator: &Client, event: Event, links: &[Uuid]) {
    const REMOVALS: &str = "/v1/moderation/campaigns/defend/removals";
    let client = app.client();
    match event {
        Event::Pledge => {
            client.pledge(&pledge("amina@example.org")).await.expect(202);
        }
        Event::Confirm => {
            for mail in links {
                assert!([303, 410].contains(&confirm(app, &client, *mail).await));
            }
        }
        Event::Remove => {
            for id in app.rows.list("SELECT id FROM pledges").await {
                moderator.post(REMOVALS, &json!({"ids": [id], "reason": "spam", "note": "x"})).await;
            }
        }
        Event::Undo => {
            for id in app.rows.list("SELECT id FROM removals WHERE undone_at IS NULL").await {
                moderator.post(&format!("{REMOVALS}/{id}/undo"), &json!({"note": "x"})).await;
            }
        }
        Event::Withdraw | Event::Erase => {
            let deed = if matches!(event, Event::Withdraw) { "withdraw" } else { "erase" };
            for mail in links {
                let status = press(&client, &format!("{}/{deed}", at(app, "my-pledge", *mail))).await.status.as_u16();
                assert!([200, 410].contains(&status), "{status}");
            }
        }
    }
}

async fn counts_once_at_the_most(app: &TestApp, what: &str) {
    let counted = app.rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await;
    assert!((0..=1).contains(&counted), "{what}");
    assert_eq!(totals(app).await, (counted, counted), "{what}");
    is_well(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_every_order() {
    for seed in 0..8 {
        let app = by_mail().await;
        let moderator = app.signed_in(Role::Moderator).await;
        let (mut chance, mut links, mut story) = (Chance(seed), Vec::new(), Vec::new());
        for event in std::iter::once(Event::Pledge).chain((0..9).map(|_| EVENTS[chance.below(6)])) {
            let before = mails(&app);
            happens(&app, &moderator, event, &links).await;
            links.extend(sent(&app, &before).await);
            // So many mails a week are written to nobody.
            app.rows.execute("DELETE FROM mailbox_mails").await;
            story.push(event);
            counts_once_at_the_most(&app, &format!("seed {seed}: {story:?}")).await;
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_once() {
    let app = by_mail().await;
    let moderator = app.signed_in(Role::Moderator).await;
    let mut links = Vec::new();
    for round in 0..8 {
        let before = mails(&app);
        happens(&app, &moderator, Event::Pledge, &[]).await;
        links.extend(sent(&app, &before).await);
        app.rows.execute("DELETE FROM mailbox_mails").await;
        let all = EVENTS.iter().cycle().skip(round).take(12);
        futures_util::future::join_all(all.map(|event| happens(&app, &moderator, *event, &links))).await;
        let before = mails(&app);
        links.extend(sent(&app, &before).await);
        app.rows.execute("DELETE FROM mailbox_mails").await;
        counts_once_at_the_most(&app, &format!("round {round}")).await;
    }
    app.stop().await;
}
