//! Load with a ledger: what was sent, what was acknowledged, and whether the rows agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{client::Client, rows::Rows};

/// What became of every mailbox. A mailbox is named by a key that the row shows as its `source`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pub acknowledged: BTreeSet<String>,
    /// Sent, but answered 503 or not at all: stored or not, at the most once.
    pub unknown: BTreeSet<String>,
}

/// The answer to one pledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Acknowledged,
    /// 503.
    Unavailable,
    /// The connection was refused or ended before the answer.
    Nothing,
}

impl Ledger {
    pub fn note(&mut self, key: &str, told: Told) {
        if told == Told::Acknowledged {
            self.unknown.remove(key);
            self.acknowledged.insert(key.to_owned());
        } else if !self.acknowledged.contains(key) {
            self.unknown.insert(key.to_owned());
        }
    }

    /// What is wrong with the rows (of which only the sources are given): acknowledged but not stored, stored but never
    /// sent, stored twice.
    pub fn complaints(&self, stored: &[String]) -> Vec<String> {
        let mut times: BTreeMap<&str, u32> = BTreeMap::new();
        for key in stored {
            *times.entry(key).or_default() += 1;
        }
        let lost = self.acknowledged.iter().filter(|key| !times.contains_key(key.as_str()));
        let lost = lost.map(|key| format!("{key} was acknowledged and is not stored"));
        let twice = times.iter().filter(|(_, times)| **times > 1);
        let twice = twice.map(|(key, times)| format!("{key} is stored {times} times"));
        let sent = |key: &str| self.acknowledged.contains(key) || self.unknown.contains(key);
        let invented = times.keys().filter(|key| !sent(key)).map(|key| format!("{key} was never sent"));
        lost.chain(twice).chain(invented).collect()
    }

    /// The same with the rows of the campaign `defend`, and what the doctor would complain of.
    pub async fn reconcile(&self, rows: &Rows) -> Vec<String> {
        let mut complaints = self.complaints(&rows.list("SELECT source FROM pledges").await);
        complaints.extend(rows.differences().await);
        complaints
    }
}

/// The pledge of a key.
pub fn body(key: &str) -> Value {
    let countries = ["DE", "FR", "KE", "BR", "ZZ", "IN", "NZ"];
    let country = countries[key.bytes().map(usize::from).sum::<usize>() % countries.len()];
    json!({"name": "Amina Okafor", "email": format!("{key}@example.org"), "country": country, "source": key})
}

/// Sends the pledge of a key. Panics at every answer that a pledge can't have here.
pub async fn send(client: &Client, key: &str) -> Told {
    let request = client.request(Method::POST, "/v1/campaigns/defend/pledges").json(&body(key));
    let Ok(answer) = request.send().await else { return Told::Nothing };
    let status = answer.status().as_u16();
    // An answer that breaks off in the middle acknowledges nothing.
    let Ok(text) = answer.text().await else { return Told::Nothing };
    match status {
        201 | 202 => Told::Acknowledged,
        503 => Told::Unavailable,
        _ => panic!("{status}: {text}"),
    }
}

/// Clients that pledge until they are told to stop, or are not answered any more.
pub struct Load {
    clients: JoinSet<()>,
    ledger: Arc<Mutex<Ledger>>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// `clients` at once, each with connections of its own. Keys begin with `name`.
    pub fn start(base: &str, clients: u32, name: &str) -> Self {
        let mut load = Self { clients: JoinSet::new(), ledger: Arc::default(), stop: Arc::default() };
        let next = Arc::new(AtomicU64::new(0));
        for _ in 0..clients {
            let (client, name, next) = (Client::new(base), name.to_owned(), next.clone());
            let (ledger, stop) = (load.ledger.clone(), load.stop.clone());
            load.clients.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let key = format!("{name}-{number}");
                    // Noted before it is sent: nothing may be stored that was not intended.
                    ledger.lock().unwrap().note(&key, Told::Nothing);
                    let told = send(&client, &key).await;
                    ledger.lock().unwrap().note(&key, told);
                    if number % 5 == 0 && told == Told::Acknowledged {
                        // Supporters press the button twice.
                        send(&client, &key).await;
                    }
                    if told == Told::Nothing {
                        return;
                    }
                }
            });
        }
        load
    }

    /// How many pledges were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.ledger.lock().unwrap().acknowledged.len()
    }

    /// Waits until each client has its last answer, or none.
    pub async fn ended(self) -> Ledger {
        self.clients.join_all().await;
        Arc::into_inner(self.ledger).unwrap().into_inner().unwrap()
    }

    /// Tells the clients to stop and waits for their last answers.
    pub async fn stop(self) -> Ledger {
        self.stop.store(true, Ordering::SeqCst);
        self.ended().await
    }
}

/// Sends what is in doubt again until it is acknowledged.
pub async fn send_again(client: &Client, ledger: &mut Ledger) {
    for key in ledger.unknown.clone() {
        let told = send(client, &key).await;
        assert_eq!(told, Told::Acknowledged, "{key} sent again");
        ledger.note(&key, told);
    }
}
