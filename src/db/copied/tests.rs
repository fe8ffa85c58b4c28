//! One loads, the others wait; what goes wrong is not tried again at once.

use std::{cell::Cell, future::pending};

use futures_util::future::join_all;

use super::*;

const WITHIN: Duration = Duration::from_secs(5);

/// Whether a copy is this version, however old.
fn is(version: u32) -> impl Fn(&u32, Instant) -> bool {
    move |copy, _| *copy >= version
}

#[tokio::test]
async fn of_many_one_loads_and_all_get_what_it_loaded() {
    let (copied, loads) = (Copied::default(), Cell::new(0));
    for version in 1..=3 {
        let ask = async || {
            let load = async |_: Option<&Arc<u32>>| {
                loads.set(loads.get() + 1);
                tokio::task::yield_now().await;
                Ok(Arc::new(version))
            };
            copied.get(is(version), WITHIN, load).await.unwrap()
        };
        let got = join_all((0..50).map(|_| ask())).await;
        assert!(got.iter().all(|got| **got == version));
        assert_eq!(loads.get(), version);
    }
}

#[tokio::test]
async fn after_a_failure_there_is_the_older_copy_or_a_refusal_without_another_try() {
    let copied: Copied<u32> = Copied::default();
    let fails = async |_: Option<&Arc<u32>>| Err(DbError::Unavailable);
    let never = async |_: Option<&Arc<u32>>| panic!("it was tried again");
    assert!(copied.get(is(1), WITHIN, fails).await.is_err());
    assert!(copied.get(is(1), WITHIN, never).await.is_err());

    let copied = Copied::default();
    copied.get(is(1), WITHIN, async |_| Ok(Arc::new(1))).await.unwrap();
    assert_eq!(*copied.get(is(2), WITHIN, fails).await.unwrap(), 1);
    assert_eq!(*copied.get(is(2), WITHIN, never).await.unwrap(), 1);
}

#[tokio::test]
async fn who_hangs_up_leaves_the_copy_that_is_there() {
    let copied = Copied::default();
    let hangs_up = async |version| {
        let load = async |_: Option<&Arc<u32>>| pending().await;
        timeout(Duration::from_millis(20), copied.get(is(version), WITHIN, load)).await.unwrap_err();
    };
    // Without a copy the next one loads.
    hangs_up(1).await;
    copied.get(is(1), WITHIN, async |_| Ok(Arc::new(1))).await.unwrap();
    hangs_up(2).await;
    assert_eq!(*copied.get(is(2), WITHIN, async |_| panic!("it was tried again")).await.unwrap(), 1);
}

#[tokio::test]
async fn nobody_waits_long_who_can_have_an_older_copy() {
    let copied = Copied::default();
    copied.get(is(1), WITHIN, async |_| Ok(Arc::new(1))).await.unwrap();
    let slow = copied.get(is(2), WITHIN, async |_| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(Arc::new(2))
    });
    let waits = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let begun = Instant::now();
        let got = copied.get(is(2), WITHIN, async |_| panic!("two load at once")).await.unwrap();
        (*got, begun.elapsed() < Duration::from_millis(900))
    };
    let (slow, waited) = tokio::join!(slow, waits);
    assert_eq!((*slow.unwrap(), waited), (2, (1, true)));
}
