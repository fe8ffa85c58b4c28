//! Many at once: removals that overlap, undo in between, pledges meanwhile. Totals equal a recount (rule 2).

use std::{
    collections::HashSet,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use futures_util::future::{join, join_all};
use pledges::accounts::Role;
use serde_json::Value;
use uuid::Uuid;

use super::{PLEDGES, REMOVALS, TOTALS, put, removal_id, remove, undo};
use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
    eventually,
};

async fn assert_exact(app: &TestApp) {
    assert_eq!(app.differences().await, Vec::<String>::new());
    let mut connection = app.rows.database.open().await.unwrap();
    assert_eq!(pledges::pledges::recount::store::orphans(&mut connection).await.unwrap(), (0, 0));
}

/// The ids, beginning elsewhere, and every second time backwards.
fn shuffled(ids: &[Uuid], by: usize) -> Vec<Uuid> {
    let mut ids = ids.to_vec();
    let begin = by * 7 % ids.len();
    ids.rotate_left(begin);
    if by % 2 == 1 {
        ids.reverse();
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_removals_take_each_pledge_out_once() {
    let app = TestApp::start().await;
    let moderators = [app.signed_in(Role::Moderator).await, app.signed_in(Role::Organiser).await];
    let ids = put(&app, "defend", 300).await;
    let orders: Vec<Vec<Uuid>> = (0..16).map(|n| shuffled(&ids[n * 10..n * 10 + 140], n)).collect();
    let requests = orders.iter().enumerate().map(|(n, ids)| remove(&moderators[n % 2], ids));
    let answers: Vec<Answer> = join_all(requests).await;
    let mut taken = 0;
    for (answer, order) in answers.iter().zip(&orders) {
        if answer.status == 409 {
            answer.problem(409, "nothing_to_remove");
            continue;
        }
        let body = answer.expect(201);
        let pledges = body["removal"]["pledges"].as_u64().unwrap();
        let already = body["already_removed"].as_array().unwrap().len();
        assert_eq!(usize::try_from(pledges).unwrap() + already, order.len());
        let id = &body["removal"]["id"];
        let sql = format!("SELECT count(*) FROM pledges WHERE removal_id = '{}'", id.as_str().unwrap());
        assert_eq!(app.rows.number(&sql).await, i64::try_from(pledges).unwrap());
        taken += pledges;
    }
    // The first begins at 0, the last ends at 290.
    assert_eq!(taken, 290);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state = 'removed'").await, 290);
    assert_exact(&app).await;
    app.publish().await;
    assert_exact(&app).await;
    assert_eq!(moderators[0].get(TOTALS).await.expect(200)["total"], 10);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_that_undo_one_removal_one_does() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 100).await;
    let removal = removal_id(&remove(&client, &ids).await);
    let answers = join_all((0..16).map(|_| undo(&client, &removal))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem(409, "already_undone");
    }
    assert_eq!(client.get(TOTALS).await.expect(200)["total"], 100);
    assert_exact(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_pledges_removed_and_put_back_again_and_again_stay_whole() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 60).await;
    let one = async |n: usize| {
        for round in 0..6 {
            let answer = remove(&client, &shuffled(&ids, n + round)).await;
            if answer.status == 201 {
                undo(&client, &removal_id(&answer)).await.expect(200);
            } else {
                answer.problem(409, "nothing_to_remove");
            }
        }
    };
    join_all((0..8).map(one)).await;
    assert_eq!(client.get(TOTALS).await.expect(200)["total"], 60);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await, 60);
    assert_exact(&app).await;
    app.stop().await;
}

/// Removes some of what it finds, undoes some of it, until told to stop.
async fn moderate(client: &Client, number: usize, until: &Uuid, undone_so_far: &AtomicU32) -> (usize, usize) {
    let (mut removed, mut undone) = (0, 0);
    loop {
        let page = client.get(&format!("{PLEDGES}?state=counted&limit=40")).await.expect(200);
        let found = page["pledges"].as_array().unwrap();
        let ids: Vec<Uuid> = found
            .iter()
            .skip(number % 3)
            .step_by(2)
            .map(|pledge| pledge["id"].as_str().unwrap().parse().unwrap())
            .filter(|id| id != until)
            .collect();
        if !ids.is_empty() {
            let answer = remove(client, &shuffled(&ids, number + removed)).await;
            if answer.status == 201 {
                removed += 1;
                if removed % 3 != number % 3 {
                    undo(client, &removal_id(&answer)).await.expect(200);
                    undone += 1;
                    undone_so_far.fetch_add(1, Ordering::Relaxed);
                }
            } else {
                answer.problem(409, "nothing_to_remove");
            }
        }
        if client.get(&format!("{REMOVALS}?limit=1")).await.expect(200)["removals"] != Value::Array(Vec::new())
            && client.get(&format!("{PLEDGES}?country=CH")).await.expect(200)["total"] != 0
        {
            return (removed, undone);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pledges_removals_and_undos_at_once_add_up() {
    let app = TestApp::start().await;
    let moderators = join_all((0..4).map(|_| app.signed_in(Role::Moderator))).await;
    let public = app.client();
    let undone_so_far = AtomicU32::new(0);
    let arrive = async {
        // Eight at a time, each mailbox twice, for as long as it takes to be a contest; and at last the one from Switzerland that
        // ends the moderators' day.
        let mut round = 0_u32;
        while round < 50 || undone_so_far.load(Ordering::Relaxed) < 8 {
            let posts = (0..8).map(|n| {
                let public = public.clone();
                async move {
                    let mut body = pledge(&format!("someone{}@example.org", round * 4 + n % 4));
                    body["country"] = ["DE", "FR", "KE", "ZZ"][n as usize % 4].into();
                    public.pledge(&body).await.expect(201);
                }
            });
            join_all(posts).await;
            round += 1;
        }
        let mut last = pledge("last@example.org");
        last["country"] = "CH".into();
        public.pledge(&last).await.expect(201);
        round * 4 + 1
    };
    let nobody = Uuid::nil();
    let moderated =
        join_all(moderators.iter().enumerate().map(|(n, client)| moderate(client, n, &nobody, &undone_so_far)));
    let all = tokio::time::timeout(Duration::from_secs(120), join(arrive, moderated));
    let (arrived, done) = all.await.expect("it took too long");
    let (removed, undone) = done.iter().fold((0, 0), |sum, (removed, undone)| (sum.0 + removed, sum.1 + undone));
    assert!(removed > 10 && undone > 5 && undone < removed, "{removed} removals, {undone} undone: no contest");
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, i64::from(arrived));
    assert_exact(&app).await;
    app.publish().await;
    assert_exact(&app).await;
    let counted = app.rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await;
    assert_eq!(moderators[0].get(TOTALS).await.expect(200)["total"], counted);
    let published = async || public.get("/v1/campaigns/defend/totals").await.expect(200)["total"] == counted;
    eventually("the public total is the recount", published).await;
    let listed = app.rows.list("SELECT id FROM removals WHERE undone_at IS NULL").await;
    let holding = app.rows.list("SELECT DISTINCT removal_id FROM pledges WHERE removal_id IS NOT NULL").await;
    assert_eq!(listed.iter().collect::<HashSet<_>>(), holding.iter().collect());
    app.stop().await;
}
