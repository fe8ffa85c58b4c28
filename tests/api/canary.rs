//! The canary test: words that occur nowhere else are sent in everything that anybody can send, on every path and through
//! every fault; and then they are looked for wherever something could be left behind. What people send is nowhere in
//! clear; what is kept in clear on purpose is found in the database, so the search does find; and it finds a leak in every
//! place when one is planted there.

mod faults;
mod own;
mod search;
mod stage;
mod visits;
mod words;

use std::collections::BTreeSet;

use search::{Findings, Search};
use stage::Stage;
use words::{KEPT, KEPT_STEM, NAME, SECRET, SECRET_STEM};

const IN_THE_DATABASE: [&str; 3] = ["WAL", "the data directory", "the dump"];

/// Everything once, logged as text.
async fn first_life(stage: &mut Stage) {
    stage.serve("text").await;
    visits::pledge(stage, "one").await;
    visits::be_refused(stage).await;
    visits::look_around(stage).await;
    visits::moderate(stage, "one").await;
    own::confirm(stage, "one").await;
    let codes = [
        ("check_violation", 500),
        ("not_null_violation", 500),
        ("raise_exception", 500),
        ("invalid_text_representation", 500),
        ("serialization_failure", 503),
    ];
    faults::refuse(stage, &codes).await;
    faults::hold(stage).await;
    faults::kill_a_backend(stage).await;
    faults::panic_in_a_handler(stage).await;
    stage.measure().await;
    faults::panic_in_the_writer(stage).await;
}

/// And once more as JSON, with crashes.
async fn second_life(stage: &mut Stage, secrets: &Search) {
    stage.serve("json").await;
    visits::pledge(stage, "two").await;
    visits::be_refused(stage).await;
    visits::look_around(stage).await;
    visits::moderate(stage, "two").await;
    own::confirm(stage, "two").await;
    faults::refuse(stage, &[("check_violation", 500)]).await;
    faults::panic_in_a_handler(stage).await;
    assert_eq!(faults::crash_postgres(stage, secrets).await, Findings::new());
    faults::commands(stage).await;
    stage.measure().await;
    faults::die(stage, "KILL").await;
    stage.serve("json").await;
    visits::pledge(stage, "three").await;
    faults::die(stage, "ABRT").await;
    stage.serve("text").await;
    stage.measure().await;
    assert_eq!(stage.end(Some("TERM")).await, Some(0));
}

/// Of a line, as text or JSON.
fn request_id(line: &str) -> Option<&str> {
    let after = line.split("request").last()?.trim_start_matches(['"', ':', '=']);
    after.get(..32).filter(|id| id.chars().all(|c| c.is_ascii_hexdigit()))
}

/// Without these the test would have looked at something else.
fn everything_has_happened(stage: &Stage) {
    let log = stage.service_log();
    for (text, times) in [
        ("/v1/campaigns/{slug}/pledges", 100),
        ("a request met a defect", 7),
        ("one that is not the service's", 3),
        ("a defect: panicked", 3),
        ("src/db/mod.rs:", 3),
        ("a task ended before its time", 1),
        ("totals can't be published", 1),
        ("something of a library", 10),
    ] {
        assert!(log.matches(text).count() >= times, "{times} times {text}: {log}");
    }
    // A panic and its request have one id.
    let panics = log.lines().filter(|line| line.contains("a defect: panicked"));
    let ids: BTreeSet<&str> = panics.filter_map(request_id).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    for id in ids {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(id)).collect();
        assert!(lines.iter().any(|line| line.contains("milliseconds") && line.contains("500")), "{lines:?}");
    }
    let postgres = stage.postgres_log();
    for text in ["terminated by signal 9", "redo done", "received immediate shutdown request"] {
        assert!(postgres.contains(text), "{text}: {postgres}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_anybody_has_sent_is_left_anywhere_in_clear() {
    let mut stage = Stage::start().await;
    let (secrets, kept) = (Search::new(SECRET_STEM, SECRET), Search::new(KEPT_STEM, KEPT));
    first_life(&mut stage).await;
    second_life(&mut stage, &secrets).await;
    everything_has_happened(&stage);
    assert_eq!(stage.look(&secrets).await, Findings::new());
    // Nor is what mails tell anywhere but in mails.
    let of_mails = own::secrets(&stage);
    assert_eq!(stage.look(&of_mails).await, Findings::new());
    // The control: what is kept on purpose is found, and in the database only.
    let found = stage.look(&kept).await;
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), IN_THE_DATABASE, "{found:#?}");
    for words in found.values() {
        assert!(KEPT.iter().all(|word| words.contains(&format!("{word} (in clear)"))), "{found:#?}");
    }
    // A leak in each place is found there: of a mail's secrets,
    let told = own::leak(&mut stage).await;
    let found = stage.look(&of_mails).await;
    let leaks_of_mails = ["WAL", "mails", "metrics", "the data directory", "the dump", "the log of the service"];
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), leaks_of_mails, "{found:#?}");
    for (place, words) in &found {
        for word in [&told.token[22..], &told.code] {
            assert!(words.iter().any(|it| it.starts_with(word)), "{place}: {words:?}");
        }
    }
    for place in ["WAL", "the data directory"] {
        assert!(found[place].iter().any(|it| it.contains("(raw)")), "{place}: {found:#?}");
    }
    assert!(found["the dump"].iter().any(|it| it.starts_with("the secret of") && it.contains("(hex)")), "{found:#?}");
    // and of all else.
    stage.leak(NAME).await;
    let places: BTreeSet<_> = stage.places().await.into_iter().map(|(place, _)| place).collect();
    let found = stage.look(&secrets).await;
    assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), places, "{found:#?}");
    for (place, words) in found {
        assert!(place == "cores" || words.iter().any(|told| told.starts_with(NAME)), "{place}: {words:?}");
    }
}
