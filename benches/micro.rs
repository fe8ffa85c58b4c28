//! Microbenchmarks of what each pledge and each published version costs in computing: `script/bench --micro`.
#![expect(clippy::expect_used, reason = "a benchmark that can't begin has nothing to measure")]

use std::collections::BTreeMap;

use actix_web::test::TestRequest;
use altcha::{Payload, SolveChallengeOptions};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::DateTime;
use divan::{Bencher, black_box};
use pledges::{
    campaigns::{
        Campaign, State,
        held_default::HeldDefault,
        settings::{Ask, Confirmation, Consent, Erasure, Fields, ProofRule, Purpose, Retention},
        switches::Switched,
    },
    clock::Clock,
    country::Country,
    crypto::KeyRing,
    gate::{
        form_token::FormTokens,
        proof::{
            Bound, Proofs,
            difficulty::Difficulty,
            issuer::{Issuer, Price},
        },
    },
    http::body,
    mail::letters::Overrides,
    metrics::Metrics,
    pledges::{
        sealing::{Keys, Sealing},
        submission::Submission,
    },
    sealing::{
        ReviewCopies, ReviewCopy,
        record::{Epoch, Record},
    },
    totals::{
        board::{Document, Published},
        shown::{Figure, Figures},
    },
};
use uuid::Uuid;

/// A pledge as partners send it.
const BODY: &[u8] =
    br#"{"name": "Amina Okafor", "email": "amina.okafor@example.org", "country": "NG", "language": "en",
    "message": "I stand with those who defend the rights of all of us.", "source": "homepage-banner",
    "consents": [{"purpose": "updates", "version": 1}]}"#;

/// What a challenge is for.
const BOUND: Bound = Bound { campaign: Uuid::nil(), partner: None, test: false };

/// Countries of a campaign that is known everywhere.
const COUNTRIES: usize = 200;

fn main() {
    divan::main();
}

#[divan::bench]
fn parse_and_check_a_pledge(bencher: Bencher) {
    let campaign = campaign();
    bencher.bench(|| {
        let submission: Submission = body::parse(black_box(BODY)).expect("a good body");
        submission.check(&campaign).expect("good fields")
    });
}

#[divan::bench]
fn fingerprint(bencher: Bencher) {
    let (campaign, sealing) = (campaign(), Sealing::new(ring()));
    let email = "Amina.Okafor+pledge@example.org";
    let email = pledges::pledges::mailbox::Email::parse(email).expect("a good address");
    bencher.bench(|| sealing.fingerprint(&campaign, black_box(&email)));
}

#[divan::bench]
fn seal_a_review_copy(bencher: Bencher) {
    let copies = ReviewCopies::new(&ring());
    let copy = ReviewCopy {
        name: Some("Amina Okafor".into()),
        email: Some("a•••@example.org".into()),
        message: Some("I stand with those who defend the rights of all of us.".into()),
    };
    bencher.bench(|| copies.seal(Uuid::nil(), Uuid::nil(), black_box(&copy)));
}

#[divan::bench]
fn seal_a_record(bencher: Bencher) {
    let epoch = Epoch::begin(Uuid::nil()).expect("random bytes");
    let mut record = Record::default();
    record.name = Some("Amina Okafor".into());
    record.email = Some("amina.okafor@example.org".into());
    record.message = Some("I stand with those who defend the rights of all of us.".into());
    record.updates = Some(1);
    bencher.bench(|| epoch.seal(Uuid::nil(), black_box(&record)));
}

#[divan::bench]
fn prepare_a_row(bencher: Bencher) {
    let (campaign, sealing) = (campaign(), Sealing::new(ring()));
    let submission: Submission = body::parse(BODY).expect("a good body");
    let checked = submission.check(&campaign).expect("good fields");
    let keys = Keys::of(Epoch::begin(campaign.id).expect("random bytes").into());
    bencher.bench(|| sealing.prepare(Uuid::now_v7(), &campaign, black_box(&checked), None, &keys));
}

#[divan::bench]
fn publish_200_countries(bencher: Bencher) {
    bencher.with_inputs(document).bench_values(Published::new);
}

#[divan::bench(args = ["br", "gzip", "identity"])]
fn answer_totals(bencher: Bencher, coding: &str) {
    let published = Published::new(document());
    let request = TestRequest::get().insert_header(("accept-encoding", coding)).to_http_request();
    bencher.bench_local(|| published.json.answer(&request));
}

#[divan::bench]
fn issue_a_challenge(bencher: Bencher) {
    let proofs = Proofs::new(&ring(), Clock::System, &Metrics::default());
    bencher.bench(|| proofs.issue(black_box(&BOUND), Difficulty::BASE));
}

/// As the door does it: with what it remembers of sources, and the price.
#[divan::bench]
fn give_out_a_challenge(bencher: Bencher) {
    let metrics = Metrics::default();
    let proofs = Proofs::new(&ring(), Clock::System, &metrics);
    let issuer = Issuer::new(proofs, &Clock::System, &metrics).expect("random bytes");
    let mut last = 0_u32;
    bencher.bench_local(|| {
        last += 1;
        issuer.issue(&BOUND, std::net::Ipv4Addr::from_bits(last).into(), Price::Adaptive, false)
    });
}

#[divan::bench(args = ["cheapest", "dearest"])]
fn verify_a_proof(bencher: Bencher, price: &str) {
    let proofs = Proofs::new(&ring(), Clock::System, &Metrics::default());
    let difficulty = if price == "cheapest" { Difficulty::BASE } else { Difficulty::MOST };
    let challenge = proofs.issue(&BOUND, difficulty).expect("random bytes");
    let solution = altcha::solve_challenge(SolveChallengeOptions::new(&challenge)).expect("a good challenge");
    let payload = Payload { challenge, solution: solution.expect("enough time") };
    let payload = STANDARD.encode(serde_json::to_vec(&payload).expect("good JSON"));
    bencher.bench(|| proofs.verify(black_box(&payload), &BOUND).expect("a proof"));
}

#[divan::bench]
fn sign_and_verify_a_form(bencher: Bencher) {
    let tokens = FormTokens::new(&ring(), Clock::System);
    bencher.bench(|| tokens.verify(&tokens.issue(black_box(&BOUND)), &BOUND));
}

fn ring() -> KeyRing {
    KeyRing::parse("0123456789abcdef0123456789ABCDEFxyz").expect("long enough")
}

fn campaign() -> Campaign {
    let texts = BTreeMap::from([("en".to_owned(), "Keep me informed.".to_owned())]);
    Campaign {
        id: Uuid::nil(),
        slug: "together-we-defend".into(),
        state: State::Open,
        default_language: "en".into(),
        texts: BTreeMap::new(),
        goal: None,
        fields: Fields { name: Ask::Required, email: Ask::Required, message: Ask::Optional },
        consents: vec![Consent { purpose: Purpose::Updates, version: 1, texts }],
        controller: None,
        threshold: 5,
        publish_every_ms: 1_000,
        mailbox_rules: 1,
        salt: Some(vec![7; 32]),
        fingerprint_key: Some(ring().current().id()),
        created_at: DateTime::UNIX_EPOCH,
        recipients: Vec::new(),
        retention: Retention {
            review_days: 30,
            record_days: 30,
            erasure: Erasure::Withdraw,
            held_default: HeldDefault::Remove,
        },
        closed_at: None,
        salt_destroyed_at: None,
        confirmation: Confirmation::None,
        proof: ProofRule::Adaptive,
        hold_at: 100,
        mail_texts: Overrides::default(),
        test_of: None,
        publish_partners: false,
        wall: false,
        switched: Switched::default(),
    }
}

fn document() -> Document {
    let countries: BTreeMap<Country, Figure> = Country::all()
        .take(COUNTRIES)
        .zip(1_i64..)
        .map(|(country, number)| (country, Figure { counted: number * 997, shown: number * 997, live: true }))
        .collect();
    let total = countries.values().map(|figure| figure.counted).sum();
    let figures = Figures { threshold: 5, total, confirmed: 0, countries };
    Document::new("together-we-defend".into(), Some(10_000_000), 81, DateTime::UNIX_EPOCH, &figures)
}
