//! Pledges that are confirmed by mail: what the mail does, what its owner can do with it, and what nobody else learns.

mod alike;
mod held;
mod leaving;
mod ruled;
mod sequences;
mod switches;

use std::{collections::BTreeSet, path::PathBuf};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use pledges::{
    crypto::KeyRing,
    pledges::links::{Links, Token},
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
    eventually, key_ring,
};

const CODES: &str = "/v1/campaigns/defend/confirmations";
const LINKS: &str = "/v1/campaigns/defend/links";

/// A service whose campaign `defend` confirms by mail; mails become files.
async fn by_mail() -> TestApp {
    let app = TestApp::start().await;
    app.rows.execute("UPDATE campaigns SET confirmation = 'email'").await;
    app.service.handles.campaigns.renew().await.unwrap();
    app
}

/// The mails so far, in their order.
fn mails(app: &TestApp) -> BTreeSet<Uuid> {
    let files = std::fs::read_dir(app.var.path().join("mail")).into_iter().flatten();
    let id = |path: PathBuf| path.file_stem()?.to_str()?.parse().ok();
    files.filter_map(|file| id(file.unwrap().path())).collect()
}

/// Waits until the outbox is empty, and returns the mails that are new.
async fn sent(app: &TestApp, before: &BTreeSet<Uuid>) -> Vec<Uuid> {
    eventually("the outbox is empty", async || app.rows.number("SELECT count(*) FROM mail_outbox").await == 0).await;
    mails(app).difference(before).copied().collect()
}

/// The one mail that `act` causes.
async fn mail_of(app: &TestApp, act: impl AsyncFnOnce()) -> Uuid {
    let before = mails(app);
    act().await;
    let new = sent(app, &before).await;
    assert_eq!(new.len(), 1);
    new[0]
}

/// Pledges, and returns the mail.
async fn pledged(app: &TestApp, email: &str) -> Uuid {
    mail_of(app, async || {
        app.client().pledge(&pledge(email)).await.expect(202);
    })
    .await
}

fn links() -> Links {
    Links::new(key_ring())
}

fn token(app: &TestApp, mail: Uuid) -> Token {
    let campaign = app.service.handles.campaigns.find("defend").unwrap();
    links().token(campaign.id, mail)
}

fn at(app: &TestApp, place: &str, mail: Uuid) -> String {
    format!("/{place}/{}", token(app, mail).text())
}

async fn open(client: &Client, path: &str) -> Answer {
    client.send(client.request(Method::GET, path).header("accept", "text/html")).await
}

async fn press(client: &Client, path: &str) -> Answer {
    client.send(client.request(Method::POST, path).header("accept", "text/html").form(&[("x", "y")])).await
}

async fn confirm(app: &TestApp, client: &Client, mail: Uuid) -> u16 {
    press(client, &at(app, "confirm", mail)).await.status.as_u16()
}

async fn type_code(client: &Client, email: &str, code: &str) -> Answer {
    client.post(CODES, &json!({"email": email, "code": code})).await
}

/// Published after everything is folded: total and confirmed.
async fn totals(app: &TestApp) -> (i64, i64) {
    app.publish().await;
    let totals = app.client().get("/v1/campaigns/defend/totals").await.expect(200);
    (totals["total"].as_i64().unwrap(), totals["confirmed"].as_i64().unwrap())
}

async fn states(app: &TestApp) -> Vec<String> {
    app.rows.list("SELECT concat_ws(' ', state, state_before) FROM pledges ORDER BY created_at, id").await
}

async fn is_well(app: &TestApp) {
    assert_eq!(app.differences().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_counts_once_its_mailbox_has_confirmed_it() {
    let app = by_mail().await;
    let client = app.client();
    let mail = pledged(&app, "amina@example.org").await;
    assert_eq!((states(&app).await, totals(&app).await), (vec!["awaiting".into()], (0, 0)));
    let text = std::fs::read_to_string(app.var.path().join(format!("mail/{mail}.eml"))).unwrap();
    assert!(text.contains("To: amina@example.org") && !text.contains("Amina"), "{text}");
    // Its link begins with its id, in base64: that stands nowhere else, and the id in no other form.
    let (plain, link) = (text.replace("=\r\n", ""), token(&app, mail).text());
    let without_links = plain.replace(&link, "");
    for form in [mail.simple().to_string(), mail.hyphenated().to_string(), link[..21].to_owned()] {
        assert!(plain.contains(&link) && !without_links.contains(&form), "{form}: {plain}");
    }

    let page = open(&client, &at(&app, "confirm", mail)).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains(&format!("action=\"{}\"", at(&app, "confirm", mail))), "{}", page.text());
    let pressed = press(&client, &at(&app, "confirm", mail)).await;
    assert_eq!((pressed.status.as_u16(), pressed.header("location")), (303, at(&app, "confirm", mail).as_str()));
    assert_eq!((states(&app).await, totals(&app).await), (vec!["counted".into()], (1, 1)));
    let thanks = open(&client, &at(&app, "confirm", mail)).await;
    assert_eq!(thanks.status, 200);
    assert!(!thanks.text().contains(&format!("action=\"{}\"", at(&app, "confirm", mail))));

    // Again, and by the code of the same mail: the same.
    assert_eq!(confirm(&app, &client, mail).await, 303);
    type_code(&client, "amina@example.org", links().code(mail).as_str()).await.expect(200);
    assert_eq!(totals(&app).await, (1, 1));
    is_well(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_links_changes_nothing() {
    let app = by_mail().await;
    let client = app.client();
    let mail = pledged(&app, "amina@example.org").await;
    let rows = async || app.rows.list("SELECT row_to_json(each)::text FROM pledges AS each").await;
    let before = (rows().await, app.rows.list("SELECT row_to_json(each)::text FROM mail_links AS each").await);
    let own = at(&app, "my-pledge", mail);
    let steps = ["withdraw", "erase", "not-me"].map(|step| format!("{own}/{step}"));
    for path in [at(&app, "confirm", mail), own].iter().chain(&steps) {
        for method in [Method::GET, Method::HEAD, Method::GET] {
            let answer = client.send(client.request(method, path).header("accept", "text/html")).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("referrer-policy"), "no-referrer");
            assert!(answer.body.is_empty() || answer.text().contains("noindex"));
        }
    }
    let after = (rows().await, app.rows.list("SELECT row_to_json(each)::text FROM mail_links AS each").await);
    assert_eq!(after, before);
    assert_eq!(totals(&app).await, (0, 0));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_not_right_is_told_to_be_unknown() {
    let app = by_mail().await;
    let client = app.client();
    let mail = pledged(&app, "amina@example.org").await;
    let text = token(&app, mail).text();
    let other = Links::new(KeyRing::parse("fedcba9876543210FEDCBA9876543210zyx").unwrap());
    let campaign = app.service.handles.campaigns.find("defend").unwrap().id;
    // Another root secret's, another campaign's, the secret of one mail with the id of another.
    let others = [other.token(campaign, mail), links().token(Uuid::now_v7(), mail)].map(|token| token.text());
    let mixed = [Uuid::now_v7().as_bytes().as_slice(), &URL_SAFE_NO_PAD.decode(&text).unwrap()[16..]].concat();
    let odd = ["x".to_owned(), text[1..].to_owned(), format!("{text}A"), URL_SAFE_NO_PAD.encode(mixed)];
    for token in odd.iter().chain(&others) {
        for place in ["confirm", "my-pledge"] {
            let answer = open(&client, &format!("/{place}/{token}")).await;
            assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (404, "no-store"), "{token}");
        }
        for path in
            [format!("/confirm/{token}"), format!("/my-pledge/{token}/erase"), format!("/my-pledge/{token}/hide")]
        {
            assert_eq!(press(&client, &path).await.status, 404, "{path}");
        }
    }
    assert_eq!(press(&client, &format!("{}/odd", at(&app, "my-pledge", mail))).await.status, 404);
    assert_eq!(states(&app).await, ["awaiting"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_may_be_tried_five_times_and_the_link_is_good_all_the_same() {
    let app = by_mail().await;
    let client = app.client();
    let mail = pledged(&app, "amina@example.org").await;
    let code = links().code(mail).as_str().to_owned();
    let wrong = if code == "AAAAAA" { "BBBBBB" } else { "AAAAAA" };
    let refused = type_code(&client, "amina@example.org", wrong).await.problem(409, "code_not_accepted");
    // Another's code, an address that nobody pledged with: the same.
    assert_eq!(type_code(&client, "nobody@example.org", &code).await.problem(409, "code_not_accepted"), refused);
    for _ in 0..4 {
        type_code(&client, "amina@example.org", wrong).await.problem(409, "code_not_accepted");
    }
    type_code(&client, "amina@example.org", &code).await.problem(409, "code_not_accepted");
    assert_eq!(states(&app).await, ["awaiting"]);
    assert_eq!(confirm(&app, &client, mail).await, 303);
    type_code(&client, "amina@example.org", "not a code").await.fields(&[("/code", "not_allowed")]);

    let mail = pledged(&app, "bea@example.org").await;
    let typed = links().code(mail).as_str().to_lowercase();
    // As a keyboard for full-width letters has it.
    let typed: String = typed.bytes().map(|byte| char::from_u32(u32::from(byte) + 0xfee0).unwrap()).collect();
    let form = [("email", " Bea@example.org "), ("code", &typed.replacen('\u{ff41}', "-\u{ff41}", 1))];
    let request = client.request(Method::POST, "/c/defend/fr/code").header("accept", "text/html").form(&form);
    let typed = client.send(request).await;
    assert_eq!((typed.status.as_u16(), typed.header("location")), (303, "/c/defend/fr/confirmed"));
    let thanks = open(&client, "/c/defend/fr/confirmed").await;
    assert_eq!((thanks.status.as_u16(), thanks.header("cache-control")), (200, "no-store"));
    assert!(thanks.text().contains("href=\"/c/defend/fr/my-pledge\"") && !thanks.text().contains("/my-pledge/"));
    assert_eq!(totals(&app).await, (2, 2));
    is_well(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_confirms_for_seven_days() {
    let app = by_mail().await;
    let client = app.client();
    let mail = pledged(&app, "amina@example.org").await;
    app.rows.execute("UPDATE mail_links SET created_at = now() - interval '7 days 1 second'").await;
    assert_eq!(open(&client, &at(&app, "confirm", mail)).await.status, 410);
    assert_eq!(confirm(&app, &client, mail).await, 410);
    type_code(&client, "amina@example.org", links().code(mail).as_str()).await.problem(409, "code_not_accepted");
    assert_eq!(states(&app).await, ["awaiting"]);
    // Another mail does.
    let mail = pledged(&app, "amina@example.org").await;
    assert_eq!(confirm(&app, &client, mail).await, 303);
    assert_eq!(totals(&app).await, (1, 1));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_pledge_is_answered_alike_and_its_owner_is_told() {
    let app = by_mail().await;
    let client = app.client();
    let subject = |mail: Uuid| {
        let text = std::fs::read_to_string(app.var.path().join(format!("mail/{mail}.eml"))).unwrap();
        text.lines().find(|line| line.starts_with("Subject:")).unwrap().to_owned()
    };
    let first = pledged(&app, "a.mina@gmail.com").await;
    let second = pledged(&app, "amina+x@googlemail.com").await;
    assert_eq!(subject(first), subject(second), "not confirmed yet: another link");
    assert_eq!(confirm(&app, &client, first).await, 303);
    assert_eq!(confirm(&app, &client, second).await, 303);
    let third = pledged(&app, "amina@gmail.com").await;
    assert_ne!(subject(third), subject(first), "already pledged");
    assert_eq!(open(&client, &at(&app, "my-pledge", third)).await.status, 200);
    assert_eq!(totals(&app).await, (1, 1));

    // Four mails a week from one campaign, whatever is asked for; the next week it is written to again.
    pledged(&app, "amina@gmail.com").await;
    let before = mails(&app);
    client.pledge(&pledge("amina@gmail.com")).await.expect(202);
    client.post(LINKS, &json!({"email": "amina@gmail.com"})).await.expect(202);
    assert_eq!(sent(&app, &before).await.len(), 0);
    app.rows.execute("UPDATE mailbox_mails SET written_at = written_at - interval '7 days'").await;
    pledged(&app, "amina@gmail.com").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_campaign_can_not_use_up_the_mails_of_another() {
    let app = TestApp::start().await;
    for slug in ["other", "third"] {
        app.rows.campaign(slug).await;
    }
    app.rows.execute("UPDATE campaigns SET confirmation = 'email'").await;
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    let pledges_to = async |slug: &str| {
        let before = mails(&app);
        let path = format!("/v1/campaigns/{slug}/pledges");
        app.client().post(&path, &pledge("amina@example.org")).await.expect(202);
        sent(&app, &before).await.len()
    };
    let mut written = Vec::new();
    for slug in ["defend", "defend", "defend", "defend", "defend", "other", "other", "third"] {
        written.push(pledges_to(slug).await);
    }
    // Five in all; the fifth was kept for a campaign that hadn't written yet.
    assert_eq!(written, [1, 1, 1, 1, 0, 1, 0, 0]);
    // The rows tell one campaign from another, and not which it is, nor that it is the same for another mailbox.
    let wrote = "SELECT count(*)::text FROM mailbox_mails GROUP BY mailbox, in_campaign ORDER BY 1";
    assert_eq!(app.rows.list(wrote).await, ["1", "4"]);
    app.rows.execute("UPDATE mailbox_mails SET written_at = written_at - interval '7 days'").await;
    pledged(&app, "bea@example.org").await;
    assert_eq!((pledges_to("third").await, pledges_to("defend").await), (1, 1));
    // One mailbox in three campaigns, and another in one of them.
    assert_eq!(app.rows.number("SELECT count(DISTINCT in_campaign) FROM mailbox_mails").await, 4);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_can_be_asked_for_and_nobody_learns_whether_there_is_a_pledge() {
    let app = by_mail().await;
    let client = app.client();
    pledged(&app, "amina@example.org").await;
    let before = mails(&app);
    let answers = [
        client.post(LINKS, &json!({"email": "amina@example.org", "language": "fr"})).await,
        client.post(LINKS, &json!({"email": "nobody@example.org", "language": "fr"})).await,
    ];
    let told = |answer: &Answer| (answer.status, answer.body.clone());
    assert_eq!(told(&answers[0]), told(&answers[1]));
    answers[0].expect(202);
    assert_eq!(sent(&app, &before).await.len(), 1);
    let ask = async |email: &str| {
        let request = client.request(Method::POST, "/c/defend/en/my-pledge").header("accept", "text/html");
        client.send(request.form(&[("email", email)])).await
    };
    let (known, unknown) = (ask("amina@example.org").await, ask("nobody@example.org").await);
    assert_eq!((known.status.as_u16(), known.text()), (200, unknown.text()));
    client.post(LINKS, &json!({"email": "no address"})).await.fields(&[("/email", "invalid_email")]);
    client
        .post("/v1/campaigns/nothing/links", &json!({"email": "a@example.org"}))
        .await
        .problem(404, "campaign_not_found");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_answered_alike() {
    let app = by_mail().await;
    let client = app.client();
    let moderator = app.signed_in(pledges::accounts::Role::Moderator).await;
    let names = ["awaiting", "counted", "removed", "withdrawn", "suppressed"];
    for name in names {
        let mail = pledged(&app, &format!("{name}@example.org")).await;
        if name != "awaiting" {
            confirm(&app, &client, mail).await;
        }
        match name {
            "removed" => {
                let id = app.rows.value("SELECT id FROM pledges ORDER BY created_at DESC LIMIT 1").await;
                let body = json!({"ids": [id], "reason": "spam", "note": "x"});
                moderator.post("/v1/moderation/campaigns/defend/removals", &body).await.expect(201);
            }
            "withdrawn" => {
                assert_eq!(press(&client, &format!("{}/withdraw", at(&app, "my-pledge", mail))).await.status, 200);
            }
            "suppressed" => {
                assert_eq!(press(&client, &format!("{}/not-me", at(&app, "my-pledge", mail))).await.status, 200);
            }
            _ => {}
        }
    }
    app.publish().await;
    let told = async |name: &str| {
        let answer = client.pledge(&pledge(&format!("{name}@example.org"))).await;
        let mut body: Value = answer.json();
        body["id"].take();
        let names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        (answer.status, names, body)
    };
    let new = told("new").await;
    for name in names {
        assert_eq!(told(name).await, new, "{name}");
    }
    is_well(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_who_confirm_at_once_count_once() {
    let app = by_mail().await;
    let mails = [pledged(&app, "amina@example.org").await, pledged(&app, "amina@example.org").await];
    let confirms = (0..64).map(|number| {
        let (app, client, mail) = (&app, app.client(), mails[number % 2]);
        async move { confirm(app, &client, mail).await }
    });
    let answers = futures_util::future::join_all(confirms).await;
    assert_eq!(answers, [303; 64]);
    assert_eq!(totals(&app).await, (1, 1));
    is_well(&app).await;
    app.stop().await;
}
