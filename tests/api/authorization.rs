//! Guardian: every operation × everybody. An operation that isn't in the table fails, and so does a route that isn't in
//! the document.

mod asked;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    accounts::told,
    support::{client::Answer, document::DOCUMENT},
};
use world::World;

/// Who may use an operation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Needs {
    /// Nothing.
    Public,
    /// The refresh cookie.
    Cookie,
    /// The secret key of a partner's server.
    SecretKey,
    /// Anybody who is signed in.
    SignedIn,
    /// This role or more, for the campaign in the path.
    Campaign(Role),
    /// This role or more, wherever: it reaches what the caller may see.
    Anywhere(Role),
    /// Admin.
    Admin,
}

const TABLE: &[(&str, Needs)] = &[
    ("listCampaigns", Needs::Public),
    ("getCampaign", Needs::Public),
    ("recordPledge", Needs::Public),
    ("getChallenge", Needs::Public),
    ("getTotals", Needs::Public),
    ("getTotalsCsv", Needs::Public),
    ("getHistory", Needs::Public),
    ("getHistoryCsv", Needs::Public),
    ("getCorrections", Needs::Public),
    ("getTotalsByPartner", Needs::Public),
    ("getWall", Needs::Public),
    ("reportWallEntry", Needs::Public),
    ("streamTotals", Needs::Public),
    ("healthz", Needs::Public),
    ("metrics", Needs::Public),
    ("readyz", Needs::Public),
    ("readyzWrite", Needs::Public),
    ("login", Needs::Public),
    ("refresh", Needs::Cookie),
    ("logout", Needs::SignedIn),
    ("me", Needs::SignedIn),
    ("getSecondFactor", Needs::SignedIn),
    ("offerTotp", Needs::SignedIn),
    ("confirmTotp", Needs::SignedIn),
    ("removeTotp", Needs::SignedIn),
    ("newRecoveryCodes", Needs::SignedIn),
    ("stepUp", Needs::SignedIn),
    ("changePassword", Needs::SignedIn),
    ("listOwnSessions", Needs::SignedIn),
    ("endOwnSession", Needs::SignedIn),
    ("endOtherSessions", Needs::SignedIn),
    ("lookAtInvitation", Needs::Public),
    ("acceptInvitation", Needs::Public),
    ("listInvitations", Needs::Admin),
    ("invite", Needs::Admin),
    ("revokeInvitation", Needs::Admin),
    ("listAccounts", Needs::Admin),
    ("setAccount", Needs::Admin),
    ("resetAccount", Needs::Admin),
    ("listSessions", Needs::Admin),
    ("endSessions", Needs::Admin),
    ("endSession", Needs::Admin),
    ("listPledges", Needs::Campaign(Role::Moderator)),
    ("searchPledges", Needs::Campaign(Role::Moderator)),
    ("lookUpPledge", Needs::Campaign(Role::Moderator)),
    ("revealPledges", Needs::Campaign(Role::Moderator)),
    ("getExactTotals", Needs::Campaign(Role::Moderator)),
    ("getModerationSettings", Needs::Campaign(Role::Moderator)),
    ("setSettings", Needs::Campaign(Role::Organiser)),
    ("listPartnerNames", Needs::Campaign(Role::Moderator)),
    ("removePledges", Needs::Campaign(Role::Moderator)),
    ("acceptPledges", Needs::Campaign(Role::Moderator)),
    ("listAcceptances", Needs::Campaign(Role::Moderator)),
    ("undoAcceptance", Needs::Campaign(Role::Moderator)),
    ("getHeldQueue", Needs::Campaign(Role::Moderator)),
    ("getClusters", Needs::Campaign(Role::Moderator)),
    ("getHeldClusters", Needs::Campaign(Role::Moderator)),
    ("getHeldSampling", Needs::Campaign(Role::Moderator)),
    ("getWallQueue", Needs::Campaign(Role::Moderator)),
    ("listWallEntries", Needs::Campaign(Role::Moderator)),
    ("approveWallEntries", Needs::Campaign(Role::Moderator)),
    ("declineWallEntries", Needs::Campaign(Role::Moderator)),
    ("hideWallEntries", Needs::Campaign(Role::Moderator)),
    ("dismissWallReports", Needs::Campaign(Role::Moderator)),
    ("listRules", Needs::Campaign(Role::Moderator)),
    ("addRule", Needs::Campaign(Role::Moderator)),
    ("deleteRule", Needs::Campaign(Role::Moderator)),
    ("listRemovals", Needs::Campaign(Role::Moderator)),
    ("getRemoval", Needs::Campaign(Role::Moderator)),
    ("undoRemoval", Needs::Campaign(Role::Moderator)),
    ("previewRemoval", Needs::Campaign(Role::Moderator)),
    ("pauseRemoval", Needs::Campaign(Role::Moderator)),
    ("resumeRemoval", Needs::Campaign(Role::Moderator)),
    ("cancelRemoval", Needs::Campaign(Role::Moderator)),
    ("getAuditLog", Needs::Campaign(Role::Organiser)),
    ("getWholeAuditLog", Needs::Admin),
    ("exportAuditLog", Needs::Admin),
    ("listRecipients", Needs::Campaign(Role::Organiser)),
    ("listAnnouncements", Needs::Admin),
    ("exportPledges", Needs::Campaign(Role::Organiser)),
    ("confirmPledge", Needs::Public),
    ("askForLink", Needs::Public),
    ("recordPledges", Needs::SecretKey),
    ("checkEmbedding", Needs::Public),
    ("getPartnerStatus", Needs::SecretKey),
    ("listPartners", Needs::Campaign(Role::Organiser)),
    ("addPartner", Needs::Campaign(Role::Organiser)),
    ("setPartner", Needs::Campaign(Role::Organiser)),
    ("rotatePartnerKey", Needs::Campaign(Role::Organiser)),
    ("setPartnerTrialMailbox", Needs::Campaign(Role::Organiser)),
    ("listSwitches", Needs::Campaign(Role::Moderator)),
    // Of hold_all; tests/api/switches.rs has the others.
    ("switchOn", Needs::Campaign(Role::Moderator)),
    ("switchOff", Needs::Campaign(Role::Moderator)),
    ("erasePerson", Needs::Anywhere(Role::Organiser)),
    ("accessPerson", Needs::Anywhere(Role::Organiser)),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Caller {
    Nobody,
    Expired,
    Garbage,
    SignedIn {
        role: Role,
        of_the_campaign: bool,
    },
    /// A moderator of `defend` and `other` who organises one of them.
    Organises {
        campaign: &'static str,
    },
}

const CALLERS: &[Caller] = &[
    Caller::Nobody,
    Caller::Expired,
    Caller::Garbage,
    Caller::SignedIn { role: Role::Moderator, of_the_campaign: true },
    Caller::SignedIn { role: Role::Moderator, of_the_campaign: false },
    Caller::SignedIn { role: Role::Organiser, of_the_campaign: true },
    Caller::SignedIn { role: Role::Organiser, of_the_campaign: false },
    Caller::Organises { campaign: "defend" },
    Caller::Organises { campaign: "other" },
    // An admin sees every campaign, listed or not.
    Caller::SignedIn { role: Role::Admin, of_the_campaign: false },
];

/// What must come back: the status, or 200 for every success.
fn expected(needs: Needs, caller: Caller) -> u16 {
    let (role, of_the_campaign) = match (caller, needs) {
        (Caller::SignedIn { role, of_the_campaign }, _) => (role, of_the_campaign),
        // What reaches further than one campaign reaches those that they organise.
        (Caller::Organises { .. }, Needs::Anywhere(_)) | (Caller::Organises { campaign: "defend" }, _) => {
            (Role::Organiser, true)
        }
        (Caller::Organises { .. }, _) => (Role::Moderator, true),
        _ => return if needs == Needs::Public { 200 } else { 401 },
    };
    let sees = of_the_campaign || role == Role::Admin;
    match needs {
        // An access token is no refresh token, and no partner's key.
        Needs::Cookie | Needs::SecretKey => 401,
        Needs::Campaign(least) | Needs::Anywhere(least) if role < least => 403,
        Needs::Campaign(_) if !sees => 404,
        Needs::Admin if role < Role::Admin => 403,
        _ => 200,
    }
}

struct Operation {
    id: String,
    method: Method,
    path: String,
    security: Value,
    description: String,
    has_body: bool,
}

fn operations() -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
            operations.push(Operation {
                id: operation["operationId"].as_str().expect("every operation has an id").to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                security: operation["security"].clone(),
                description: operation["description"].as_str().unwrap_or_default().to_owned(),
                has_body: operation.get("requestBody").is_some(),
            });
        }
    }
    assert_eq!(operations.len(), operations.iter().map(|each| &each.id).collect::<BTreeSet<_>>().len());
    operations
}

fn needs(operation: &Operation) -> Needs {
    let row = TABLE.iter().find(|(id, _)| *id == operation.id);
    row.unwrap_or_else(|| panic!("{} is not in the table: who may use it?", operation.id)).1
}

/// The operation's path in the campaign `defend`, with ids that nothing has unless given.
fn path(operation: &Operation, id: Option<&str>) -> String {
    let id = id.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let path = operation.path.replace("{slug}", "defend").replace("{id}", &id).replace("{switch}", "hold_all");
    assert!(!path.contains('{'), "{path}: what stands here?");
    path
}

#[track_caller]
fn assert_status(answer: &Answer, expected: u16, what: &str) {
    match expected {
        200 => assert!(answer.status.is_success(), "{what}: {} {}", answer.status, answer.text()),
        401 => drop(answer.problem(401, "unauthorized")),
        403 => drop(answer.problem(403, "forbidden")),
        404 => drop(answer.problem(404, "campaign_not_found")),
        other => panic!("{what}: nobody expects {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_lets_in_whom_the_table_names_and_nobody_else() {
    let mut world = World::new().await;
    for operation in operations() {
        let needs = needs(&operation);
        for &caller in CALLERS {
            let client = world.caller(caller, &operation).await;
            let request = world.request(&operation, &client).await;
            let answer = client.send(request).await;
            let what = format!("{} as {caller:?}", operation.id);
            assert_status(&answer, expected(needs, caller), &what);
        }
    }
    assert_eq!(world.app.differences().await, Vec::<String>::new());
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_refresh_cookie_opens_its_own_operation_and_no_other() {
    let mut world = World::new().await;
    for operation in operations() {
        let needs = needs(&operation);
        let mut client = world.caller(Caller::SignedIn { role: Role::Admin, of_the_campaign: true }, &operation).await;
        client.token = None;
        let cookie = format!("__Host-pledges_refresh={}", client.refresh.as_deref().unwrap());
        let request = world.request(&operation, &client).await.header("cookie", cookie);
        let allowed = matches!(needs, Needs::Public | Needs::Cookie);
        assert_status(&client.send(request).await, if allowed { 200 } else { 401 }, &operation.id);
    }
    world.app.stop().await;
}

/// The permission comes first: who isn't let in learns nothing about what would have been right.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_looked_at_before_the_permission() {
    let world = World::new().await;
    let nobody = world.client(Caller::Nobody).await;
    let unauthorized = told(&nobody.get("/v1/auth/me").await);
    for operation in operations().iter().filter(|each| !matches!(needs(each), Needs::Public | Needs::Cookie)) {
        let path = path(operation, None);
        let broken_path = operation.path.replace("{slug}", "%00").replace("{id}", "not-an-id");
        let ask = |path: &str| nobody.request(operation.method.clone(), path);
        let json = |path: &str| ask(path).header("content-type", "application/json");
        let requests = [
            json(&path).body("{"),
            json(&path).body("[".repeat(10_000)),
            json(&path).body(r#"{"ids": "\u0000", "note": "\ud800"}"#),
            json(&path).body("x".repeat(100_000)),
            ask(&path).header("content-type", "text/plain").body("x"),
            ask(&path).header("content-type", "multipart/form-data").body("x"),
            ask(&path).header("content-encoding", "gzip").body("x"),
            ask(&path),
            json(&format!("{path}?limit=0&nonsense=%ff")).body("{"),
            json(&broken_path).body("{"),
        ];
        for request in requests {
            let answer = nobody.send(request).await;
            let mut told = told(&answer);
            // The limit of whoever posts here is public.
            told.1.retain(|(name, _)| name != "ratelimit-policy");
            assert_eq!(told, unauthorized, "{}", operation.id);
        }
    }
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_too_low_is_told_before_anything_else() {
    let world = World::new().await;
    let moderator = world.client(Caller::SignedIn { role: Role::Moderator, of_the_campaign: true }).await;
    let mut seen = 0;
    for operation in operations() {
        let too_low = match needs(&operation) {
            Needs::Campaign(least) | Needs::Anywhere(least) => least > Role::Moderator,
            Needs::Admin => true,
            _ => false,
        };
        if too_low {
            let query = format!("{}?limit=0&nonsense", path(&operation, None));
            moderator
                .send(moderator.request(operation.method.clone(), &query).body("{"))
                .await
                .problem(403, "forbidden");
            let unknown = operation.path.replace("{slug}", "unknown");
            moderator.send(moderator.request(operation.method, &unknown)).await.problem(403, "forbidden");
            seen += 1;
        }
    }
    assert!(seen >= 2);
    world.app.stop().await;
}

#[test]
fn the_document_says_of_each_operation_what_the_table_says() {
    let operations = operations();
    for operation in &operations {
        let expected = match needs(operation) {
            Needs::Public => json!([{}]),
            Needs::Cookie => json!([{"refresh_cookie": []}]),
            Needs::SecretKey => json!([{"secret_key": []}]),
            Needs::SignedIn | Needs::Campaign(_) | Needs::Anywhere(_) | Needs::Admin => json!([{"access_token": []}]),
        };
        let none = operation.security == json!([]) && expected == json!([{}]);
        assert!(none || operation.security == expected, "{}: {}", operation.id, operation.security);
    }
    let documented: BTreeSet<&str> = operations.iter().map(|operation| operation.id.as_str()).collect();
    let in_table: BTreeSet<&str> = TABLE.iter().map(|(id, _)| *id).collect();
    assert_eq!(documented, in_table, "the table names what isn't there, or not what is");
    let schemes: BTreeMap<String, Value> =
        serde_json::from_value(DOCUMENT["components"]["securitySchemes"].clone()).unwrap();
    assert_eq!(schemes.keys().collect::<Vec<_>>(), ["access_token", "refresh_cookie", "secret_key"]);
}

/// Every file of the source, with its text.
fn sources(directory: &std::path::Path, into: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn no_route_below_v1_is_missing_from_the_document() {
    let mut files = Vec::new();
    sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let documented: BTreeSet<String> =
        operations().iter().map(|operation| format!("{} {}", operation.method, operation.path)).collect();
    let mut routed = BTreeSet::new();
    for text in files {
        for method in ["get", "post", "put", "patch", "delete"] {
            let opening = format!("#[{method}(\"");
            for rest in text.split(opening.as_str()).skip(1) {
                routed.insert(format!("{} {}", method.to_uppercase(), rest.split('"').next().unwrap()));
            }
        }
        for way in [".route(\"/v1", "resource(\"/v1", "scope(\"/v1", "#[route("] {
            assert!(!text.contains(way), "{way} goes around the document");
        }
    }
    let api = |route: &&String| route.contains(" /v1/") || documented.contains(*route);
    assert_eq!(routed.iter().filter(api).cloned().collect::<BTreeSet<_>>(), documented);
}
