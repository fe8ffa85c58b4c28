//! A partner's list: those who came from it and allowed it to write, sealed to its own key.

use pledges::sealing::{recipients::Identity, record::Epoch};
use uuid::Uuid;

use super::{Person, World, hex, offline, table};
use crate::support::program::run;

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_gets_those_who_allowed_it_and_the_organisers_key_does_not_open_them() {
    let world = World::new().await;
    let (partner, other, identity) = (Uuid::now_v7(), Uuid::now_v7(), Identity::generate());
    let epoch = Epoch::begin(world.campaign).unwrap();
    world.put_epoch(&epoch, Some(partner), &[identity.recipient()]).await;
    let allowed = [Some(1), Some(1), None];
    let mut ids = Vec::new();
    for (name, partner, consents) in [
        ("Mine", Some(partner), allowed),
        ("Not allowed", Some(partner), [Some(1), None, None]),
        ("Of another", Some(other), allowed),
        ("Of nobody", None, allowed),
        ("Taken back", Some(partner), [None, None, None]),
    ] {
        let person = Person { consents, partner, ..Person::named(name) };
        let id = world.put(&person).await;
        if name != "Not allowed" {
            let sealed = epoch.seal(id, &person.record()).unwrap();
            let sql = format!("UPDATE pledges SET sealed_for_partner = '\\x{}' WHERE id = '{id}'", hex(&sealed));
            world.rows.execute(&sql).await;
        }
        ids.push(id);
    }
    let told = world.export_to("theirs", &["--partner", &partner.to_string()]).await.expect(0);
    assert!(told.stderr.contains("1 pledges in bundle"), "{}", told.stderr);
    world.write_identity("partner", &identity);
    let (key, bundle) = (world.path("partner"), world.path("theirs"));
    let ended = run(offline(&["open", "--identity", &key, &bundle])).await.expect(0);
    assert_eq!(table(&ended.stdout).iter().map(|row| row[1].as_str()).collect::<Vec<_>>(), ["Mine"]);
    world.open("theirs", &[]).await.expect(1);

    // The organiser's own list has all of them, and the partner's exports are not its own.
    world.export("ours").await;
    assert_eq!(world.ids("ours").await.0, ids);
    assert_eq!(world.rows.number("SELECT count(*) FROM exports WHERE partner_id IS NULL").await, 1);

    // Who has taken back what was allowed is named as gone from the second list on.
    let (again, list) = (world.path("again"), world.path("gone"));
    world.export_to("again", &["--partner", &partner.to_string()]).await.expect(0);
    run(offline(&["open", "--identity", &key, "--gone", &list, &again])).await.expect(0);
    let gone = table(&std::fs::read_to_string(list).unwrap());
    assert_eq!(
        gone.iter().map(|row| (row[0].clone(), row[2].as_str())).collect::<Vec<_>>(),
        [(ids[4].to_string(), "withdrawn")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_without_a_key_gets_nothing() {
    let world = World::new().await;
    let refused = world.export_to("theirs", &["--partner", &Uuid::now_v7().to_string()]).await.expect(1);
    assert!(refused.stderr.contains("nobody could open it"), "{}", refused.stderr);
    assert!(!world.files.file("theirs").exists());
}
