//! The record of processing and the draft of an impact assessment, as a data protection officer reads them.

use pledges::sealing::recipients::Identity;
use serde_json::json;

use super::{command, in_days, pledges_of, run};
use crate::support::TestApp;

async fn report(app: &TestApp) -> String {
    command(app, &["privacy", "report", "defend"]).await.expect(0).stdout
}

/// Every table is one: a head, a rule, and rows with as many cells.
fn is_well_formed(text: &str) {
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<_> = text.lines().collect();
    let mut tables = 0;
    for (number, line) in lines.iter().enumerate() {
        if !line.starts_with('|') {
            continue;
        }
        assert!(line.ends_with('|'), "{line}");
        if lines[number - 1].starts_with('|') {
            assert_eq!(cells(line), cells(lines[number - 1]), "{line}");
        } else {
            tables += 1;
            assert_eq!(lines[number - 1], "", "{line}");
            assert!(lines[number + 1].starts_with("|---|"), "{line}");
        }
    }
    assert!(tables >= 7, "{tables} tables");
    assert_eq!(text.lines().filter(|line| line.starts_with("# ")).count(), 2, "a record and an assessment");
    assert!(!text.contains("\n\n\n"));
}

fn has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|each| each == *line), "{line}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_says_what_the_settings_and_rows_say() {
    let app = TestApp::start().await;
    pledges_of(&app, &["ann@example.org", "bob@example.org", "cid@example.org"]).await;
    let key = Identity::generate().recipient();
    app.rows
        .execute(&format!(
            "INSERT INTO recipients (id, campaign_id, public_key, label, checked_at) SELECT gen_random_uuid(), id, \
               '{key}', 'The office''s | safe', now() FROM campaigns"
        ))
        .await;
    let set = ["campaign", "set", "defend", "--review-days", "45", "--record-days", "60", "--threshold", "1"];
    command(&app, &set).await.expect(0);
    let text = report(&app).await;
    is_well_formed(&text);
    has(
        &text,
        &[
            "# Record of processing: A pledge",
            "| Controller | Controller |",
            "| Contact | privacy@example.org |",
            "| updates | You may write to me. | 1 | 3 |",
            "| public | You may show my name. | 1 | 3 |",
            "| review copy | 45 days after the pledge |",
            "| erased person | nothing personal is kept; the pledge is withdrawn and no longer counted |",
            "| pledges | 3 |",
            "| with a sealed record | 3 |",
            "| keys of sealed records | 3 |",
            "Nothing has been past its limit yet.",
            "**To look at:** small numbers are published exactly (threshold 1).",
            "**To look at:** review copies are kept for longer than thirty days.",
            "**To look at:** sealed records are kept for longer than a month after the end.",
        ],
    );
    assert!(text.contains(&format!("| The office's \\| safe | organiser | `{key}")), "{text}");
    assert!(text.contains("until 60 days after the campaign is closed |"));
    for personal in ["Amina", "ann@", "Together."] {
        assert!(!text.contains(personal), "{personal}");
    }

    // With the proof, once it has run, and to the end.
    run(&app, in_days(46)).await;
    command(&app, &["campaign", "close", "defend"]).await.expect(0);
    run(&app, in_days(61)).await;
    let text = report(&app).await;
    is_well_formed(&text);
    let proof: Vec<_> =
        text.lines().skip_while(|line| *line != "| when | what was cleared | how many |").skip(2).take(3).collect();
    for (line, what) in proof.iter().zip([
        "pledges with personal data | 3 |",
        "keys (the salt among them) | 4 |",
        "review copies | 3 |",
    ]) {
        assert!(line.ends_with(what), "{line}");
    }
    assert!(text.contains("All limits were last looked after: 20"));
    assert!(text.contains("The retention of this campaign has ended"));
    has(&text, &["| with a sealed record | 0 |", "| updates | You may write to me. | 1 | 0 |"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_organisers_write_doesnt_break_the_report() {
    let app = TestApp::start().await;
    let odd = "a | b\n# heading\n| c | d |\n<script>alert(1)</script> [x](javascript:1)";
    app.rows
        .campaign_with(
            "odd",
            json!({"controller": {"name": odd, "contact": "x"},
        "consents": [{"purpose": "updates", "version": 1, "texts": {"en": odd}}]}),
        )
        .await;
    let file = app.var.path().join("report.md");
    let told = command(&app, &["privacy", "report", "odd", "--out", file.to_str().unwrap()]).await.expect(0);
    assert_eq!(told.stdout, format!("wrote {}\n", file.display()));
    let text = std::fs::read_to_string(&file).unwrap();
    is_well_formed(&text);
    assert!(
        text.contains("\\<script\\>")
            && !text.contains("<script>")
            && !text.replace("\\]", "").contains("](javascript"),
        "{text}"
    );
    let unknown = command(&app, &["privacy", "report", "unknown"]).await.expect(1);
    assert!(unknown.stderr.contains("there is no campaign unknown"));
    app.stop().await;
}
