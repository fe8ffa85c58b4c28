//! Pledges, removals and undos at the same time, to the end and cut off by a crash.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use pledges::{accounts::Role, app::Handles, country::Country, pledges::submission::Submission};
use pledges::{
    partners::{Admitted, Door, Lane},
    pledges::Seen,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{is_published, is_well, published_is_the_recount};
use crate::{
    outage::load::{self, Load},
    support::{
        TestApp,
        client::Client,
        cluster, eventually,
        program::{Running, VarDir},
        rows::Rows,
    },
};

/// What a moderator was told.
#[derive(Debug, Default)]
struct Done {
    /// Removals by id.
    removed: BTreeSet<String>,
    undone: BTreeSet<String>,
}

/// Answers that a moderator can get here: done, or another moderator was there first.
async fn ask(moderator: &Client, method: Method, path: &str, body: &Value) -> Option<(u16, Value)> {
    let request = moderator.request(method, &format!("/v1/moderation/campaigns/defend/{path}"));
    let request = if body.is_null() { request } else { request.json(body) };
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    let text = answer.text().await.ok()?;
    assert!([200, 201, 404, 409, 503].contains(&status), "{path}: {status} {text}");
    Some((status, serde_json::from_str(&text).unwrap()))
}

/// Takes out a third of the newest pledges again and again, which others do too, and undoes two removals of three.
/// Ends when it is told to, or not answered any more.
async fn moderate(moderator: Client, stop: Arc<AtomicBool>) -> Done {
    let mut done = Done::default();
    let mut work = async || -> Option<()> {
        for round in 0_u32.. {
            if stop.load(Ordering::SeqCst) {
                return None;
            }
            let (status, page) = ask(&moderator, Method::GET, "pledges?state=counted&limit=120", &Value::Null).await?;
            if status != 200 {
                continue;
            }
            let ids: Vec<_> =
                page["pledges"].as_array()?.iter().step_by(3).map(|pledge| pledge["id"].clone()).collect();
            if ids.is_empty() {
                continue;
            }
            let removal = json!({"ids": ids, "reason": "bot", "note": "A wave"});
            let (status, answer) = ask(&moderator, Method::POST, "removals", &removal).await?;
            if status != 201 {
                continue;
            }
            let id = answer["removal"]["id"].as_str()?.to_owned();
            done.removed.insert(id.clone());
            if round % 3 > 0 {
                let path = format!("removals/{id}/undo");
                let (status, _) = ask(&moderator, Method::POST, &path, &json!({"note": "They were people"})).await?;
                if status == 200 {
                    done.undone.insert(id);
                }
            }
        }
        None
    };
    work().await;
    done
}

/// Every action that was acknowledged is there, with its entry in the audit log.
async fn all_is_on_record(rows: &Rows, done: &[Done]) {
    let stored: BTreeSet<String> = rows.list("SELECT id FROM removals").await.into_iter().collect();
    let undone: BTreeSet<String> =
        rows.list("SELECT id FROM removals WHERE undone_at IS NOT NULL").await.into_iter().collect();
    for done in done {
        assert!(done.removed.is_subset(&stored) && done.undone.is_subset(&undone));
    }
    let audit = "SELECT details ->> 'removal' FROM audit_log WHERE action =";
    let of = async |action: &str| -> BTreeSet<String> {
        rows.list(&format!("{audit} '{action}'")).await.into_iter().collect()
    };
    assert_eq!(of("removal.create").await, stored);
    assert_eq!(of("removal.undo").await, undone);
}

const PLEDGES: u32 = 10_000;

/// Pledges one after the other until all have pledged, past HTTP.
async fn support(handles: &Handles, next: &AtomicU32) {
    let campaign = handles.campaigns.find("defend").unwrap();
    let anybody = Admitted { partner: None, lane: Lane::Live, door: Door::Form };
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        if number >= PLEDGES {
            return;
        }
        // Two big countries, five smaller ones, and a hundred with a few each.
        let countries = ["DE", "FR", "KE", "BR", "ZZ", "IN", "NZ", "DE", "DE", "KE"];
        let assigned = Country::all().nth((number / 20) as usize % 100).unwrap();
        let country = countries.get(number as usize % 20).map_or(assigned.as_str(), |country| *country);
        let submission = Submission {
            name: Some("Amina Okafor".into()),
            email: Some(format!("supporter-{number}@example.org")),
            country: Some(country.into()),
            ..Submission::default()
        };
        handles
            .pledges
            .record(&campaign, &submission.check(&campaign).unwrap(), None, &anybody, (Seen::default(), None))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_pledges_with_removals_and_undos_at_the_same_time_leave_no_difference() {
    let app = TestApp::start().await;
    let (next, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let mut moderators = JoinSet::new();
    let moderator = app.signed_in(Role::Moderator).await;
    for role in [Role::Moderator, Role::Organiser] {
        moderators.spawn(moderate(app.signed_in(role).await, stop.clone()));
    }
    // In every state on the way the counters equal the rows.
    let watch = async {
        while next.load(Ordering::SeqCst) < PLEDGES {
            assert_eq!(app.differences().await, [""; 0]);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::join!(join_all((0..12).map(|_| support(&app.service.handles, &next))), watch);
    stop.store(true, Ordering::SeqCst);
    let done = moderators.join_all().await;
    assert!(
        done.iter().all(|done| done.removed.len() > done.undone.len() && !done.undone.is_empty()),
        "too little work"
    );
    all_is_on_record(&app.rows, &done).await;
    assert_eq!(app.differences().await, [""; 0]);
    let all = app.rows.number("SELECT count(*) FROM pledges").await;
    assert_eq!(all, i64::from(PLEDGES));
    let counted = app.rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await;
    assert!(counted < all);
    is_well(&app.url, app.var.path(), counted).await;
    is_published(&app, &moderator).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_of_removals_and_undos_leaves_no_difference() {
    let url = cluster::database().await;
    let rows = Rows::new(&url).await;
    rows.campaign("defend").await;
    let (login, var) = (rows.moderator(Role::Moderator, &["defend"]).await, VarDir::new());
    let (mut ledger, mut all_done) = (load::Ledger::default(), Vec::new());
    for round in ["first", "second", "third"] {
        let service = Running::on(&url, var.path(), &["--reread-every-seconds", "3600"]).await;
        let load = Load::start(&service.base, 12, round);
        let mut moderators = JoinSet::new();
        for _ in 0..2 {
            let mut moderator = service.client();
            moderator.login(&login).await;
            moderators.spawn(moderate(moderator, Arc::default()));
        }
        let removals = rows.number("SELECT count(*) FROM removals").await;
        eventually("some work is done", async || {
            load.acknowledged() >= 200 && rows.number("SELECT count(*) FROM removals").await > removals + 6
        })
        .await;
        service.kill_9().await;
        let new = load.ended().await;
        ledger.acknowledged.extend(new.acknowledged);
        ledger.unknown.extend(new.unknown);
        all_done.extend(moderators.join_all().await);
        assert_eq!(ledger.reconcile(&rows).await, [""; 0]);
        all_is_on_record(&rows, &all_done).await;
        let counted = rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await;
        is_well(&url, var.path(), counted).await;
    }
    let service = Running::on(&url, var.path(), &["--reread-every-seconds", "1"]).await;
    let client = service.client();
    let mut moderator = service.client();
    moderator.login(&login).await;
    // Mailboxes that were taken out stay out when they pledge again.
    load::send_again(&client, &mut ledger).await;
    let counted = rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await;
    eventually("it is published and re-read", async || {
        let totals = client.get("/v1/campaigns/defend/totals").await.expect(200);
        totals["total"] == counted && rows.number("SELECT count(*) FROM count_deltas").await == 0
    })
    .await;
    rows.execute("UPDATE campaign_totals SET reread_at = 'epoch'").await;
    eventually("it was re-read", async || {
        rows.number("SELECT count(*) FROM campaign_totals WHERE reread_at = 'epoch'").await == 0
    })
    .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    published_is_the_recount(&client, &moderator, &rows).await;
    service.terminate().await.expect(0);
}
