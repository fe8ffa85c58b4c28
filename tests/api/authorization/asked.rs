//! What operations ask for beside the role: a fresh proof of who calls, and an account that has all it needs.

use pledges::accounts::Role;

use super::{Caller, Needs, needs, operations, path, world::World};
use crate::support::{PRODUCTION, TestApp};

/// Operations that want a fresh proof of who calls. Those that want it with some bodies only are not among them.
const STEP_UP: &[&str] = &[
    "offerTotp",
    "confirmTotp",
    "removeTotp",
    "newRecoveryCodes",
    "invite",
    "setAccount",
    "resetAccount",
    "revealPledges",
    "setSettings",
];

/// Operations that an admin may use who has no second factor yet and must have one.
const UNFINISHED: &[&str] = &["logout", "me", "getSecondFactor", "offerTotp", "confirmTotp", "stepUp"];

/// The document says it too, and the permission comes first: who may not call it isn't asked to prove anything.
#[tokio::test(flavor = "multi_thread")]
async fn operations_that_want_a_fresh_proof_are_those_of_the_list() {
    let mut world = World::new().await;
    for operation in operations() {
        let wants = STEP_UP.contains(&operation.id.as_str());
        assert_eq!(
            operation.description.contains("step_up_required"),
            wants || operation.id == "stepUp",
            "{}",
            operation.id
        );
        if matches!(needs(&operation), Needs::Public | Needs::Cookie | Needs::SecretKey) {
            continue;
        }
        let client = world.client(Caller::SignedIn { role: Role::Admin, of_the_campaign: true }).await;
        let request = world.request(&operation, &client).await;
        world.grow_stale(&client).await;
        let answer = client.send(request).await;
        if wants {
            answer.problem(403, "step_up_required");
            let (role, code) = match needs(&operation) {
                Needs::Admin => (Role::Moderator, "forbidden"),
                Needs::Campaign(least) => (least, "step_up_required"),
                _ => (Role::Moderator, "step_up_required"),
            };
            let somebody = world.client(Caller::SignedIn { role, of_the_campaign: true }).await;
            let request = somebody.request(operation.method.clone(), &path(&operation, None)).body("{");
            world.grow_stale(&somebody).await;
            somebody.send(request).await.problem(403, code);
        } else {
            assert!(answer.status.is_success(), "{}: {}", operation.id, answer.text());
        }
    }
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_without_the_second_factor_of_production_may_only_set_it_up() {
    let app = TestApp::with(PRODUCTION).await;
    for operation in operations() {
        if matches!(needs(&operation), Needs::Public | Needs::Cookie | Needs::SecretKey) {
            continue;
        }
        let admin = app.signed_in(Role::Admin).await;
        let answer = admin.send(admin.request(operation.method.clone(), &path(&operation, None)).body("{")).await;
        let may = UNFINISHED.contains(&operation.id.as_str());
        assert_eq!(answer.text().contains("\"totp_setup_required\""), !may, "{}: {}", operation.id, answer.text());
    }
    app.stop().await;
}
