//! A proof of work is spent with the pledge that it came with: once, on every instance and after every restart.

use futures_util::future::join_all;
use pledges::pledges::{NewPledge, ingest::Stored};
use tokio::time::Instant;
use uuid::Uuid;

use super::{batches::prepared, stored};
use crate::support::{TestApp, eventually};

fn with_proof(pledge: NewPledge, proof: Uuid) -> NewPledge {
    NewPledge { proof: Some(proof), ..pledge }
}

async fn store(app: &TestApp, pledge: NewPledge) -> Stored {
    app.service.handles.ingest.store(pledge, Instant::now()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_serves_one_pledge_and_its_retries() {
    let app = TestApp::start().await;
    let proof = Uuid::new_v4();
    let first = with_proof(prepared(&app, "DE", 1), proof);
    assert_eq!(store(&app, first.clone()).await, Stored::Recorded);
    let retry = with_proof(prepared(&app, "DE", 1), proof);
    assert_eq!(store(&app, retry).await, Stored::Recorded, "a retry of the same pledge");
    assert_eq!(store(&app, with_proof(prepared(&app, "DE", 2), proof)).await, Stored::ProofSpent);
    assert_eq!(stored(&app).await, 1);
    // Neither restart nor another instance forgets it.
    let other = TestApp::on(app.url.clone(), &[]).await;
    assert_eq!(store(&other, with_proof(prepared(&app, "DE", 3), proof)).await, Stored::ProofSpent);
    assert_eq!(store(&other, with_proof(prepared(&app, "DE", 1), proof)).await, Stored::Recorded);
    assert_eq!(stored(&app).await, 1);
    assert_eq!(app.differences().await, [""; 0]);
    other.stop().await;
    app.stop().await;
}

/// All in one batch: the proof goes to the first, and whoever shares a mailbox with one that is refused is stored all the same.
#[tokio::test(flavor = "multi_thread")]
async fn in_one_batch_a_refused_pledge_takes_no_other_with_it() {
    let app = TestApp::start().await;
    let (proof, other) = (Uuid::new_v4(), Uuid::new_v4());
    store(&app, with_proof(prepared(&app, "DE", 1), proof)).await;
    let sent = [
        (2, proof, Stored::ProofSpent),
        (2, other, Stored::Recorded),
        (3, proof, Stored::ProofSpent),
        (1, proof, Stored::Recorded),
    ];
    let mut locker = super::batches::locked(&app).await;
    let pledges = sent.map(|(mailbox, proof, _)| with_proof(prepared(&app, "DE", mailbox), proof));
    let stores = pledges.map(|pledge| app.service.handles.ingest.store(pledge, Instant::now()));
    let release = async {
        eventually("they wait", async || app.service.handles.ingest.waiting() > 0).await;
        super::batches::release(&mut locker).await;
    };
    let (answers, ()) = tokio::join!(join_all(stores), release);
    for ((mailbox, _, expected), answer) in sent.iter().zip(answers) {
        assert_eq!(answer.unwrap(), *expected, "{mailbox}");
    }
    assert_eq!(stored(&app).await, 2);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_give_one_proof_to_one_of_many() {
    let app = TestApp::start().await;
    let other = TestApp::on(app.url.clone(), &[]).await;
    for round in 0..10 {
        let proofs = [Uuid::new_v4(), Uuid::new_v4()];
        let stores = (0..32).map(|number| {
            let pledge = with_proof(prepared(&app, "DE", round * 100 + number), proofs[number / 2 % 2]);
            let instance = if number % 2 == 0 { &app } else { &other };
            store(instance, pledge)
        });
        let recorded = join_all(stores).await.into_iter().filter(|answer| *answer == Stored::Recorded).count();
        assert_eq!(recorded, 2);
    }
    assert_eq!(stored(&app).await, 20);
    assert_eq!(app.differences().await, [""; 0]);
    other.stop().await;
    app.stop().await;
}
