//! Each export names what is gone since the last, so that copies elsewhere can be purged: rather twice than never.

use std::collections::BTreeMap;

use pledges::{
    accounts::Role,
    privacy::export::{Exports, Order},
    sealing::bundle::CampaignName,
};
use uuid::Uuid;

use super::{Person, World};

/// Takes pledges out, as a moderator does, or puts them back.
async fn remove(world: &World, pledge: Uuid) -> Uuid {
    let removal = Uuid::now_v7();
    let login = world.rows.moderator(Role::Moderator, &["defend"]).await;
    world
        .rows
        .execute(&format!(
            "INSERT INTO removals (id, campaign_id, moderator_id, reason, note, pledges) \
             SELECT '{removal}', '{}', id, 'bot', 'A bot', 1 FROM moderators WHERE login = '{login}'",
            world.campaign
        ))
        .await;
    world
        .rows
        .execute(&format!(
            "UPDATE pledges SET state_before = state, state = 'removed', removal_id = '{removal}' WHERE id = '{pledge}'"
        ))
        .await;
    removal
}

async fn undo(world: &World, removal: Uuid) {
    world
        .rows
        .execute(&format!(
            "UPDATE pledges SET state = state_before, state_before = NULL, removal_id = NULL WHERE removal_id = '{removal}'"
        ))
        .await;
    world
        .rows
        .execute(&format!(
            "UPDATE removals SET undone_at = now(), undone_by = moderator_id, undo_note = 'No bot' WHERE id = '{removal}'"
        ))
        .await;
}

async fn erase(world: &World, pledge: Uuid) {
    world
        .rows
        .execute(&format!(
            "UPDATE pledges SET sealed_record = NULL, sealed_review = NULL, erased_at = now() WHERE id = '{pledge}'"
        ))
        .await;
}

/// All that has happened happened two hours earlier.
async fn two_hours_pass(world: &World) {
    for change in [
        "exports SET snapshot_at = snapshot_at - interval '2 hours'",
        "removals SET created_at = created_at - interval '2 hours'",
        "pledges SET erased_at = erased_at - interval '2 hours'",
    ] {
        world.rows.execute(&format!("UPDATE {change}")).await;
    }
}

fn gone<const N: usize>(of: [(Uuid, &str); N]) -> BTreeMap<Uuid, String> {
    of.into_iter().map(|(id, why)| (id, why.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_exports_name_what_is_gone_since_the_one_before() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.put(&Person::default()).await);
    }
    // Before the first one nobody had a list.
    erase(&world, ids[4]).await;
    two_hours_pass(&world).await;
    world.export("first").await;
    assert_eq!(world.ids("first").await, (ids[..4].to_vec(), gone([])));

    two_hours_pass(&world).await;
    erase(&world, ids[0]).await;
    let removal = remove(&world, ids[1]).await;
    two_hours_pass(&world).await;
    world.export("second").await;
    assert_eq!(world.ids("second").await, (ids[2..4].to_vec(), gone([(ids[0], "erased"), (ids[1], "removed")])));

    two_hours_pass(&world).await;
    undo(&world, removal).await;
    remove(&world, ids[2]).await;
    world.export("third").await;
    let left = vec![ids[1], ids[3]];
    assert_eq!(world.ids("third").await, (left.clone(), gone([(ids[2], "removed")])), "what was undone is back");

    // Whoever has lost the second bundle asks for more.
    let since = world.rows.value("SELECT to_char(now() - interval '1 day', 'YYYY-MM-DD')").await;
    world.export_to("more", &["--gone-since", &since]).await.expect(0);
    assert_eq!(world.ids("more").await, (left, gone([(ids[0], "erased"), (ids[2], "removed"), (ids[4], "erased")])));

    let ended = world.open("third", &[]).await.expect(0);
    assert!(ended.stderr.contains("1 pledges are gone since"), "{}", ended.stderr);
    let second = world.rows.value("SELECT id FROM exports ORDER BY id OFFSET 1 LIMIT 1").await;
    assert!(ended.stderr.contains(&format!("the bundle {second}")), "{}", ended.stderr);
}

/// A removal bears the time its transaction began at, and may be committed after a snapshot that is later.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_during_the_last_export_is_named() {
    let world = World::new().await;
    let pledge = world.put(&Person::default()).await;
    world.export("first").await;
    remove(&world, pledge).await;
    world.rows.execute("UPDATE removals SET created_at = created_at - interval '1 minute'").await;
    world
        .rows
        .execute("UPDATE removals SET created_at = (SELECT snapshot_at - interval '30 seconds' FROM exports)")
        .await;
    world.export("second").await;
    assert_eq!(world.ids("second").await, (vec![], gone([(pledge, "removed")])));
}

/// Whoever kept the half of a list must hear of what is gone since as well.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_cut_off_is_not_the_last_one() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(world.put(&Person::default()).await);
    }
    let exports = Exports::new(world.rows.database.clone());
    let campaign = CampaignName { id: world.campaign, slug: "defend".into() };
    let order = Order { campaign, partner: None, gone_since: None, who: None };

    // None was completed: since the first that was begun.
    let mut cut = exports.begin(order.clone()).await.unwrap();
    assert!(cut.next_part().await.unwrap().is_some());
    assert_eq!(
        world.rows.number("SELECT count(*) FROM exports WHERE completed_at IS NULL").await,
        1,
        "on record first"
    );
    drop(cut);
    two_hours_pass(&world).await;
    erase(&world, ids[0]).await;
    two_hours_pass(&world).await;
    world.export("first").await;
    assert_eq!(world.ids("first").await.1, gone([(ids[0], "erased")]));

    // One was completed, and another cut off since.
    two_hours_pass(&world).await;
    erase(&world, ids[1]).await;
    two_hours_pass(&world).await;
    drop(exports.begin(order).await.unwrap());
    two_hours_pass(&world).await;
    erase(&world, ids[2]).await;
    world.export("second").await;
    assert_eq!(world.ids("second").await.1, gone([(ids[1], "erased"), (ids[2], "erased")]));
}

/// One snapshot: whoever pledges or is removed while the list is written belongs to the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_shows_one_moment() {
    let world = World::new().await;
    let [first, second] = [world.put(&Person::default()).await, world.put(&Person::default()).await];
    let exports = Exports::new(world.rows.database.clone());
    let campaign = CampaignName { id: world.campaign, slug: "defend".into() };
    let mut export = exports.begin(Order { campaign, partner: None, gone_since: None, who: None }).await.unwrap();
    erase(&world, first).await;
    world.put(&Person::default()).await;
    let mut bundle = String::new();
    while let Some(part) = export.next_part().await.unwrap() {
        bundle += &part;
    }
    assert_eq!(export.complete().await.unwrap().pledges, 2);
    std::fs::write(world.files.file("bundle"), bundle).unwrap();
    assert_eq!(world.ids("bundle").await, (vec![first, second], gone([])));
    world.export("next").await;
    assert_eq!(world.ids("next").await.1, gone([(first, "erased")]));
}
