//! What a challenge and its solution must withstand.

use std::sync::LazyLock;

use altcha::SolveChallengeOptions;
use proptest::prelude::*;

use super::*;
use crate::clock::FixedClock;

const OLD: &str = "0123456789abcdef0123456789ABCDEFxyz";
const NEW: &str = "fedcba9876543210FEDCBA9876543210zyx";
const BOUND: Bound = Bound { campaign: Uuid::from_u128(1), partner: Some(Uuid::from_u128(2)), test: false };

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_123).unwrap()
}

fn proofs(ring: &str) -> (Proofs, FixedClock) {
    let clock = FixedClock::at(start());
    (Proofs::new(&KeyRing::parse(ring).unwrap(), Clock::Fixed(clock.clone()), &Metrics::default()), clock)
}

fn solve(challenge: &Challenge) -> Payload {
    let solution = altcha::solve_challenge(SolveChallengeOptions::new(challenge)).unwrap().unwrap();
    Payload { challenge: challenge.clone(), solution }
}

fn text(payload: &impl Serialize) -> String {
    STANDARD.encode(serde_json::to_string(payload).unwrap())
}

/// One that was solved once: it is good for all that doesn't change keys and time.
static SOLVED: LazyLock<Payload> = LazyLock::new(|| solve(&proofs(OLD).0.issue(&BOUND, Difficulty::BASE).unwrap()));

/// The same as JSON, to be changed.
fn solved() -> Value {
    serde_json::to_value(&*SOLVED).unwrap()
}

fn verify(payload: &str) -> Result<Proof, ProofError> {
    proofs(OLD).0.verify(payload, &BOUND)
}

#[test]
fn a_solved_challenge_is_a_proof_until_it_expires() {
    let (proofs, clock) = proofs(OLD);
    let payload = text(&*SOLVED);
    let proof = proofs.verify(&payload, &BOUND).unwrap();
    assert_eq!(proof.nonce.simple().to_string(), SOLVED.challenge.parameters.nonce);
    assert_eq!(proof.issued_at, start());
    assert_eq!(proof.expires_at.timestamp(), (start() + LIFE).timestamp());
    clock.advance(LIFE - TimeDelta::seconds(1));
    assert_eq!(proofs.verify(&payload, &BOUND), Ok(proof));
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(proofs.verify(&payload, &BOUND), Err(ProofError::Expired));
}

#[test]
fn a_challenge_from_the_future_is_not_good_yet() {
    let (proofs, clock) = proofs(OLD);
    clock.advance(-LEEWAY);
    assert!(proofs.verify(&text(&*SOLVED), &BOUND).is_ok(), "instances' clocks differ a little");
    clock.advance(TimeDelta::milliseconds(-1));
    assert_eq!(proofs.verify(&text(&*SOLVED), &BOUND), Err(ProofError::NotYet));
}

#[test]
fn a_challenge_always_ends_and_asks_for_what_it_should() {
    let challenge = proofs(OLD).0.issue(&BOUND, Difficulty::MOST).unwrap();
    let value = serde_json::to_value(&challenge).unwrap();
    let parameters = &value["parameters"];
    assert_eq!(parameters["expiresAt"], (start() + LIFE).timestamp());
    assert_eq!((&parameters["algorithm"], &parameters["keyLength"]), (&"SHA-256".into(), &32.into()));
    assert_eq!((&parameters["cost"], &parameters["keyPrefix"]), (&128.into(), &"000".into()));
    let data = serde_json::json!({"campaign": BOUND.campaign, "partner": BOUND.partner, "test": false, "issued": start().timestamp_millis()});
    assert_eq!(parameters["data"], data);
    assert!(text(&Payload { challenge, ..SOLVED.clone() }).len() < PAYLOAD_MAX / 2);
}

#[test]
fn no_two_challenges_have_one_nonce() {
    let (proofs, _) = proofs(OLD);
    let nonce = || proofs.issue(&BOUND, Difficulty::BASE).unwrap().parameters.nonce;
    let nonces: std::collections::HashSet<String> = (0..1_000).map(|_| nonce()).collect();
    assert_eq!(nonces.len(), 1_000);
}

#[test]
fn a_proof_is_good_for_its_own_campaign_partner_and_mode_only() {
    let (proofs, _) = proofs(OLD);
    for (other, error) in [
        (Bound { campaign: Uuid::from_u128(3), ..BOUND }, ProofError::OtherCampaign),
        (Bound { partner: Some(Uuid::from_u128(3)), ..BOUND }, ProofError::OtherPartner),
        (Bound { partner: None, ..BOUND }, ProofError::OtherPartner),
        (Bound { test: true, ..BOUND }, ProofError::OtherMode),
    ] {
        assert_eq!(proofs.verify(&text(&*SOLVED), &other), Err(error));
        let theirs = proofs.issue(&other, Difficulty::BASE).unwrap();
        assert_eq!(proofs.verify(&text(&solve(&theirs)), &BOUND), Err(error));
        assert!(proofs.verify(&text(&solve(&theirs)), &other).is_ok());
    }
}

#[test]
fn an_old_root_secret_verifies_as_long_as_it_is_listed() {
    let payload = text(&*SOLVED);
    assert!(proofs(&format!("{NEW}\n{OLD}")).0.verify(&payload, &BOUND).is_ok());
    assert_eq!(proofs(NEW).0.verify(&payload, &BOUND), Err(ProofError::Forged));
    let renewed = solve(&proofs(&format!("{NEW}\n{OLD}")).0.issue(&BOUND, Difficulty::BASE).unwrap());
    assert!(proofs(NEW).0.verify(&text(&renewed), &BOUND).is_ok(), "new ones are signed under the new key");
    assert!(KeyRing::parse("").is_err(), "there is no such thing as an empty secret");
}

#[test]
fn what_the_sender_may_change_makes_no_other_nonce() {
    let nonce = verify(&text(&*SOLVED)).unwrap().nonce;
    let mut changed = solved();
    changed["solution"]["time"] = 12.5.into();
    changed["solution"]["more"] = "anything".into();
    changed["challenge"]["parameters"]["more"] = "anything".into();
    changed["more"] = Value::Null;
    assert_eq!(verify(&text(&changed)).unwrap().nonce, nonce);
    changed["solution"].as_object_mut().unwrap().remove("time");
    assert_eq!(verify(&text(&changed)).unwrap().nonce, nonce);
    assert_eq!(verify(&STANDARD.encode(serde_json::to_string_pretty(&changed).unwrap())).unwrap().nonce, nonce);
    // Another number that solves it.
    let mut options = SolveChallengeOptions::new(&SOLVED.challenge);
    options.counter_start = SOLVED.solution.counter + 1;
    let second = altcha::solve_challenge(options).unwrap().unwrap();
    assert_ne!(second.counter, SOLVED.solution.counter);
    assert_eq!(verify(&text(&Payload { solution: second, ..SOLVED.clone() })).unwrap().nonce, nonce);
    // Names in another order, backwards at every level.
    let order = reversed(&solved());
    assert_ne!(order, serde_json::to_string(&solved()).unwrap());
    assert_eq!(verify(&STANDARD.encode(order)).unwrap().nonce, nonce);
}

fn reversed(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let entries: Vec<String> =
                map.iter().rev().map(|(name, value)| format!("{name:?}:{}", reversed(value))).collect();
            format!("{{{}}}", entries.join(","))
        }
        other => other.to_string(),
    }
}

#[test]
fn base64_has_one_form() {
    let json = serde_json::to_string(&*SOLVED).unwrap();
    let payload = STANDARD.encode(&json);
    let padded = STANDARD.encode(format!("{json} "));
    let padded = if padded.ends_with('=') { padded } else { STANDARD.encode(format!("{json}  ")) };
    assert!(verify(&padded).is_ok());
    for odd in [
        padded.trim_end_matches('=').to_owned(),
        format!("{padded}="),
        format!("{payload}\n"),
        format!(" {payload}"),
        format!("{payload}===="),
        payload.replacen('J', "-", 1),
        json,
        "not base64".into(),
    ] {
        assert_eq!(verify(&odd), Err(ProofError::Malformed), "{odd}");
    }
}

#[test]
fn every_bit_counts() {
    let nonce = verify(&text(&*SOLVED)).unwrap().nonce;
    let json = serde_json::to_string(&*SOLVED).unwrap().into_bytes();
    let payload = STANDARD.encode(&json).into_bytes();
    let mut good = 0;
    for bit in 0..json.len() * 8 {
        let mut bytes = json.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        match verify(&STANDARD.encode(&bytes)) {
            Ok(proof) => {
                good += 1;
                assert_eq!(proof.nonce, nonce, "only what isn't signed can have changed");
            }
            Err(error) => assert!(matches!(error, ProofError::Malformed | ProofError::Forged | ProofError::Unsolved)),
        }
    }
    // Digits of the time, letters of its name.
    assert!(good < 20 * 8, "{good} changes were accepted");
    for bit in 0..payload.len() * 8 {
        let mut bytes = payload.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(text) = String::from_utf8(bytes) else { continue };
        assert!(verify(&text).is_err() || verify(&text).is_ok_and(|proof| proof.nonce == nonce));
    }
}

#[test]
fn what_was_signed_can_not_be_changed_or_spliced() {
    let cheaper = |place: &str, value: Value| {
        let mut changed = solved();
        changed["challenge"]["parameters"][place] = value;
        verify(&text(&changed))
    };
    let other = proofs(OLD).0.issue(&BOUND, Difficulty::BASE).unwrap().parameters;
    for (place, value) in [
        ("cost", 1.into()),
        ("cost", 0.into()),
        ("keyPrefix", "".into()),
        ("keyPrefix", "00".into()),
        ("keyLength", 1.into()),
        ("algorithm", "PBKDF2/SHA-256".into()),
        ("algorithm", "sha-256".into()),
        ("algorithm", "SHA-512".into()),
        ("expiresAt", (start() + LIFE * 2).timestamp().into()),
        ("expiresAt", 0.into()),
        ("expiresAt", Value::Null),
        ("nonce", other.nonce.into()),
        ("nonce", SOLVED.challenge.parameters.nonce.to_uppercase().into()),
        ("nonce", Uuid::try_parse(&SOLVED.challenge.parameters.nonce).unwrap().to_string().into()),
        ("salt", other.salt.into()),
        ("keySignature", "00".into()),
        ("memoryCost", 1.into()),
        ("data", Value::Null),
        ("data", serde_json::json!({})),
        ("data", serde_json::json!({"campaign": BOUND.campaign, "partner": null, "test": false, "issued": 0})),
    ] {
        let outcome = cheaper(place, value.clone());
        assert!(matches!(outcome, Err(ProofError::Forged | ProofError::Malformed)), "{place} {value}: {outcome:?}");
    }
    for signature in [Value::Null, "".into(), "00".into(), "00".repeat(32).into()] {
        let mut changed = solved();
        changed["challenge"]["signature"] = signature;
        assert_eq!(verify(&text(&changed)), Err(ProofError::Forged));
    }
}

#[test]
fn a_solution_belongs_to_its_challenge() {
    let (proofs, _) = proofs(OLD);
    let second = proofs.issue(&BOUND, Difficulty::BASE).unwrap();
    let spliced = Payload { challenge: second.clone(), solution: SOLVED.solution.clone() };
    assert_eq!(proofs.verify(&text(&spliced), &BOUND), Err(ProofError::Unsolved));
    let mut wrong = solve(&second);
    wrong.solution.counter = wrong.solution.counter.wrapping_add(1);
    assert_eq!(proofs.verify(&text(&wrong), &BOUND), Err(ProofError::Unsolved));
    let mut claimed = solve(&second);
    claimed.solution.derived_key = format!("000{}", "a".repeat(61));
    assert_eq!(proofs.verify(&text(&claimed), &BOUND), Err(ProofError::Unsolved));
    // A number that is hashed rightly, and makes nothing special.
    let mut options = SolveChallengeOptions::new(&second);
    let mut easy = second.clone();
    easy.parameters.key_prefix = "f".into();
    options.challenge = &easy;
    let solution = altcha::solve_challenge(options).unwrap().unwrap();
    assert_eq!(proofs.verify(&text(&Payload { challenge: second, solution }), &BOUND), Err(ProofError::Unsolved));
}

/// The price is what was signed: whoever hashes less often hasn't solved it.
#[test]
fn a_dear_challenge_is_not_solved_by_cheap_work() {
    let (proofs, _) = proofs(OLD);
    let dear = proofs.issue(&BOUND, Difficulty::of(40, 0, false)).unwrap();
    let mut cheap = dear.clone();
    cheap.parameters.cost = Difficulty::BASE.cost();
    let solution = solve(&cheap).solution;
    assert_eq!(proofs.verify(&text(&Payload { challenge: dear, solution }), &BOUND), Err(ProofError::Unsolved));
}

#[test]
fn what_is_missing_huge_or_broken_is_told_before_anything_is_computed() {
    assert_eq!(verify(""), Err(ProofError::Missing));
    let payload = text(&*SOLVED);
    for length in 1..payload.len() {
        let outcome = verify(&payload[..length]);
        assert_eq!(outcome, Err(ProofError::Malformed), "{length}");
    }
    assert_eq!(verify(&"A".repeat(PAYLOAD_MAX + 1)), Err(ProofError::TooLong));
    assert_eq!(verify(&"A".repeat(10_000_000)), Err(ProofError::TooLong));
    let nested = STANDARD.encode("[".repeat(1_500));
    assert_eq!(verify(&nested), Err(ProofError::Malformed));
    for json in
        ["{}", "null", "[]", r#"{"challenge":{},"solution":{}}"#, r#"{"challenge":null,"solution":null,"test":true}"#]
    {
        assert_eq!(verify(&STANDARD.encode(json)), Err(ProofError::Malformed), "{json}");
    }
    let json = serde_json::to_string(&solved()).unwrap();
    for (from, to) in [
        (r#""counter":"#, r#""counter":1,"counter":"#),
        (r#""nonce":"#, r#""nonce":"00","nonce":"#),
        (r#""challenge":"#, r#""challenge":null,"challenge":"#),
        (r#""signature":"#, r#""signature":"00","signature":"#),
        (r#""counter":"#, r#""counter":-1,"x":"#),
        (r#""counter":"#, r#""counter":4294967296,"x":"#),
        (r#""counter":"#, r#""counter":1.5,"x":"#),
    ] {
        let doubled = json.replacen(from, to, 1);
        assert_ne!(doubled, json);
        assert_eq!(verify(&STANDARD.encode(doubled)), Err(ProofError::Malformed), "{to}");
    }
    assert_eq!(verify(&STANDARD.encode([0xff; 100])), Err(ProofError::Malformed));
}

#[test]
fn a_name_twice_in_what_is_signed_changes_nothing_that_counts() {
    let json = serde_json::to_string(&solved()).unwrap();
    let doubled = json.replacen(r#""test":false"#, r#""test":true,"test":false"#, 1);
    assert_ne!(doubled, json);
    assert_eq!(verify(&STANDARD.encode(doubled)).unwrap().nonce, verify(&STANDARD.encode(&json)).unwrap().nonce);
    let doubled = json.replacen(r#""test":false"#, r#""test":false,"test":true"#, 1);
    assert_eq!(verify(&STANDARD.encode(doubled)), Err(ProofError::Forged));
}

#[test]
fn what_is_signed_without_an_end_is_none_of_ours() {
    let (proofs, _) = proofs(OLD);
    let mut parameters = SOLVED.challenge.parameters.clone();
    let with = |parameters: &mut ChallengeParameters| {
        let challenge = proofs.0.current.sign(parameters).unwrap();
        proofs.verify(&text(&solve(&challenge)), &BOUND)
    };
    assert!(with(&mut parameters.clone()).is_ok());
    for end in [None, Some(0), Some(-1), Some(i64::MAX)] {
        parameters.expires_at = end;
        assert!(matches!(with(&mut parameters), Err(ProofError::Forged | ProofError::Expired)), "{end:?}");
    }
}

#[test]
fn failures_are_counted_by_reason() {
    let metrics = Metrics::default();
    let proofs = Proofs::new(&KeyRing::parse(OLD).unwrap(), Clock::Fixed(FixedClock::at(start())), &metrics);
    proofs.verify("", &BOUND).unwrap_err();
    proofs.verify("?", &BOUND).unwrap_err();
    proofs.verify("?", &BOUND).unwrap_err();
    proofs.issue(&BOUND, Difficulty::BASE).unwrap();
    let text = metrics.text();
    for line in [
        "pledges_proofs_failed_total{reason=\"missing\"} 1",
        "pledges_proofs_failed_total{reason=\"malformed\"} 2",
        "pledges_challenges_issued_total 1",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
    }
    let shown = format!("{proofs:?}");
    assert_eq!(shown, "Proofs(hidden)");
}

proptest! {
    #[test]
    fn nothing_that_is_made_up_is_a_proof(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,200}") {
        prop_assert!(verify(&text).is_err());
        prop_assert!(verify(&STANDARD.encode(bytes)).is_err());
    }

    #[test]
    fn every_other_number_and_hash_is_unsolved(counter: u32, key in "[0-9a-f]{64}") {
        let mut payload = SOLVED.clone();
        payload.solution.derived_key = key;
        prop_assert_eq!(verify(&text(&payload)), Err(ProofError::Unsolved));
        payload.solution.derived_key = SOLVED.solution.derived_key.clone();
        payload.solution.counter = counter;
        prop_assert_eq!(verify(&text(&payload)).is_ok(), counter == SOLVED.solution.counter);
    }
}
