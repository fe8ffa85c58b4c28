//! What the list has: everybody, exactly, safe to open in a spreadsheet, and filtered.

use serde_json::{Value, json};

use super::{Person, World, mode, offline, table};
use crate::support::program::run;

#[tokio::test(flavor = "multi_thread")]
async fn everything_given_comes_out_as_it_was_given() {
    let world = World::new().await;
    let full = Person {
        name: Some("Zoë \"Ada\" Ωmega, d'Arc; 李"),
        email: Some("zoe@example.org"),
        message: Some("First line\nsecond line — نعم"),
        country: "FR",
        language: Some("pt-BR"),
        source: Some("a page"),
        consents: [Some(2), None, Some(1)],
        consents_then: [Some(2), None, Some(1)],
        at: "2026-10-31T23:59:59.987654Z",
        ..Person::default()
    };
    let bare =
        Person { name: None, email: None, country: "ZZ", language: None, consents: [None; 3], ..Person::default() };
    let (first, second) = (world.put(&full).await, world.put(&bare).await);
    let told = world.export("bundle").await;
    assert_eq!(mode(&world.files.file("bundle")), 0o600);
    assert!(told.stderr.contains("2 pledges in bundle") && told.stdout.is_empty(), "{}", told.stderr);
    let line = json!({"pledge": first, "name": full.name, "email": full.email, "country": "FR", "language": "pt-BR",
        "message": full.message, "updates": 2, "partner": null, "public": 1, "pledged_at": "2026-10-31T23:59:59Z",
        "source": "a page"});
    let opened = world.opened("bundle").await;
    assert_eq!(opened[0], line);
    assert_eq!((opened.len(), &opened[1]["pledge"], &opened[1]["name"]), (2, &json!(second), &Value::Null));

    let ended = world.open("bundle", &[]).await.expect(0);
    assert!(
        ended
            .stdout
            .starts_with("pledge,name,email,country,language,message,updates,partner,public,pledged_at,source\r\n")
    );
    let id = first.to_string();
    let row = [
        id.as_str(),
        full.name.unwrap(),
        "zoe@example.org",
        "FR",
        "pt-BR",
        full.message.unwrap(),
        "2",
        "",
        "1",
        "2026-10-31T23:59:59Z",
        "a page",
    ];
    assert_eq!(table(&ended.stdout)[0], row);
    assert!(ended.stderr.contains("2 of 2 pledges opened, 2 listed"), "{}", ended.stderr);
    assert!(ended.stderr.contains("only 1 of those listed may be written to"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_supporter_can_be_read_in_a_bundle() {
    let world = World::new().await;
    let person = Person { source: Some("qzxvsource"), message: Some("qzxvmessage"), ..Person::named("qzxvname") };
    let id = world.put(&person).await;
    world.export("bundle").await;
    let text = std::fs::read_to_string(world.files.file("bundle")).unwrap();
    for secret in ["qzxv", "amina", "2026-11-01", &id.to_string(), "NG"] {
        let clear = text.lines().enumerate().filter(|(_, line)| line.contains(secret));
        // Two letters may meet in base64.
        let clear: Vec<_> = clear.filter(|_| secret.len() > 2).collect();
        assert!(clear.is_empty(), "{secret}: {clear:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_needs_nothing_but_the_program_the_bundle_and_an_identity() {
    let world = World::new().await;
    world.put(&Person::default()).await;
    world.export("bundle").await;
    let empty = tempfile::tempdir().unwrap();
    let (identity, bundle, out) = (world.path("identity"), world.path("bundle"), world.path("list.csv"));
    let arguments = ["open", "--identity", &identity, "--out", &out, &bundle];
    let mut command = offline(&arguments);
    command.current_dir(empty.path());
    let ended = run(command).await.expect(0);
    assert_eq!((ended.stdout.as_str(), std::fs::read_dir(empty.path()).unwrap().count()), ("", 0));
    assert_eq!(mode(&world.files.file("list.csv")), 0o600);
    assert_eq!(table(&std::fs::read_to_string(&out).unwrap()).len(), 1);
    let again = run(offline(&arguments)).await.expect(1);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_is_given_no_formula_and_a_program_the_exact_text() {
    let world = World::new().await;
    let person = Person {
        name: Some("=cmd|' /C calc'!A0"),
        email: Some("+tag@example.org"),
        message: Some("＝1;=HYPERLINK(\"x\")"),
        source: Some(" @SUM(1)"),
        ..Person::default()
    };
    world.put(&person).await;
    world.export("bundle").await;
    let row = &table(&world.open("bundle", &[]).await.expect(0).stdout)[0];
    assert_eq!(row[1], "'=cmd|' /C calc'!A0");
    assert_eq!(row[2], "'+tag@example.org");
    assert_eq!(row[5], "'＝1;'=HYPERLINK(\"x\")");
    assert_eq!(row[10], "' @SUM(1)");
    let exact = &world.opened("bundle").await[0];
    assert_eq!((&exact["name"], &exact["source"]), (&json!(person.name), &json!(person.source)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_allowed_is_what_the_row_says_and_not_the_record() {
    let world = World::new().await;
    let taken_back = Person { consents: [None, Some(1), None], consents_then: [Some(1); 3], ..Person::named("Back") };
    let given_later = Person { consents: [Some(2), None, None], consents_then: [None; 3], ..Person::named("Later") };
    world.put(&taken_back).await;
    world.put(&given_later).await;
    world.export("bundle").await;
    let opened = world.opened("bundle").await;
    let consents = |line: &Value| [line["updates"].clone(), line["partner"].clone(), line["public"].clone()];
    assert_eq!(consents(&opened[0]), [Value::Null, json!(1), Value::Null]);
    assert_eq!(consents(&opened[1]), [json!(2), Value::Null, Value::Null]);
    let updates = table(&world.open("bundle", &["--updates-only"]).await.expect(0).stdout);
    assert_eq!(updates.iter().map(|row| row[1].as_str()).collect::<Vec<_>>(), ["Later"]);
    let partner = table(&world.open("bundle", &["--partner-only"]).await.expect(0).stdout);
    assert_eq!(partner.iter().map(|row| row[1].as_str()).collect::<Vec<_>>(), ["Back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_may_be_of_some_countries_languages_and_days() {
    let world = World::new().await;
    for (name, country, language, at) in [
        ("A", "FR", Some("fr"), "2026-11-01T00:00:00Z"),
        ("B", "DE", Some("de-AT"), "2026-11-02T00:00:00Z"),
        ("C", "FR", Some("pt-BR"), "2026-11-03T00:00:00Z"),
        ("D", "ZZ", None, "2026-11-04T00:00:00Z"),
    ] {
        world.put(&Person { country, language, at, ..Person::named(name) }).await;
    }
    world.export("bundle").await;
    for (arguments, expected) in [
        (&["--country", "fr"][..], "AC"),
        (&["--country", "FR", "--country", "ZZ"], "ACD"),
        (&["--language", "de"], "B"),
        (&["--language", "pt-br", "--language", "fr"], "AC"),
        (&["--language", "pt-PT"], ""),
        (&["--from", "2026-11-02"], "BCD"),
        (&["--from", "2026-11-02", "--to", "2026-11-03T00:00:00Z"], "B"),
        (&["--country", "FR", "--language", "pt"], "C"),
    ] {
        let ended = world.open("bundle", arguments).await.expect(0);
        let names: String = table(&ended.stdout).iter().map(|row| row[1].as_str()).collect();
        assert_eq!(names, expected, "{arguments:?}");
        assert!(ended.stderr.contains("4 of 4 pledges opened"), "{}", ended.stderr);
    }
    world.open("bundle", &["--country", "QQ"]).await.expect(2);
    world.open("bundle", &["--from", "yesterday"]).await.expect(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_counted_pledges_with_a_record_are_given_out_and_the_others_are_told() {
    let world = World::new().await;
    let kept = world.put(&Person::default()).await;
    let bare = world.put(&Person::default()).await;
    world.rows.execute(&format!("UPDATE pledges SET sealed_record = NULL WHERE id = '{bare}'")).await;
    let erased = world.put(&Person::default()).await;
    world
        .rows
        .execute(&format!("UPDATE pledges SET sealed_record = NULL, erased_at = now() WHERE id = '{erased}'"))
        .await;
    let told = world.export("bundle").await;
    assert!(told.stderr.contains("1 counted pledges are not in it"), "{}", told.stderr);
    assert_eq!(world.ids("bundle").await.0, [kept]);
    let ended = world.open("bundle", &[]).await.expect(0);
    assert!(ended.stderr.contains("1 counted pledges have no record"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_rows_than_a_page_come_in_order_and_once() {
    let world = World::new().await;
    let first = world.put(&Person::default()).await;
    // The record is the first one's: only ids and order count here.
    world
        .rows
        .execute(
            "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, created_at, counted_at, sealed_record) \
             SELECT gen_random_uuid(), campaign_id, 'FR', 'counted', gen_random_uuid(), now(), now(), sealed_record \
             FROM pledges, generate_series(1, 2500)",
        )
        .await;
    world.export("bundle").await;
    let ended = world.open("bundle", &[]).await.expect(1);
    assert!(ended.stderr.contains("1 of 2,501 pledges opened"), "{}", ended.stderr);
    assert!(ended.stderr.contains("2,400 more things are wrong"), "{}", ended.stderr);
    let told: Vec<&str> = ended.stderr.lines().filter_map(|line| line.split("pledge ").nth(1)).collect();
    assert_eq!(told.len(), 100);
    assert!(told.is_sorted());
    assert_eq!(table(&ended.stdout)[0][0], first.to_string());
}
