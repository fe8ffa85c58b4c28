//! Between service and database stands a network, which has faults of its own: an answer gets lost after the commit; a
//! middleman forgets connections without a word.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use diesel::{dsl::sql, select, sql_types::Integer};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use pledges::db::{Connection, Database, DbError};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinSet,
};

use super::{
    is_well_again,
    load::{self, Told},
    refused, soon, total_becomes,
};
use crate::support::{TestApp, cluster, rows::Rows};

/// What happens to the connections. Each knows how many faults there had been when it was made.
#[derive(Clone, Copy, Default)]
struct Faults {
    so_far: u32,
    /// Connections older than this stay open and lead nowhere.
    forgotten: u32,
    /// Connections older than this end.
    cut: u32,
    /// A connection ends when the database says that something was inserted: after the commit, before the answer.
    commits_are_unheard: bool,
}

/// A way over TCP to a database of the tests' cluster, with faults to order.
struct Link {
    url: SecretString,
    direct: SecretString,
    faults: watch::Sender<Faults>,
    _listener: JoinSet<()>,
}

impl Link {
    async fn start() -> Self {
        let direct = cluster::database().await;
        let config: tokio_postgres::Config = direct.expose_secret().parse().unwrap();
        let [tokio_postgres::config::Host::Unix(directory)] = config.get_hosts() else { panic!("not a socket") };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://pledges@{}/{}", listener.local_addr().unwrap(), config.get_dbname().unwrap());
        let faults = watch::Sender::new(Faults::default());
        let mut task = JoinSet::new();
        task.spawn(accept(listener, directory.join(".s.PGSQL.5432"), faults.subscribe()));
        Self { url: url.into(), direct, faults, _listener: task }
    }

    /// A service whose every connection to the database goes through here; the test's own don't.
    async fn app(&self) -> TestApp {
        let mut app = TestApp::on(self.url.clone(), &[]).await;
        app.rows = Rows::new(&self.direct).await;
        app
    }

    /// What is inserted is committed, but the answer never arrives.
    fn lose_commits(&self, lost: bool) {
        self.faults.send_modify(|faults| faults.commits_are_unheard = lost);
    }

    /// Connections that are there end; new ones are sound.
    fn cut(&self) {
        self.faults.send_modify(|faults| {
            faults.so_far += 1;
            faults.cut = faults.so_far;
        });
    }

    /// Connections that are there go silent; new ones are sound.
    fn forget(&self) {
        self.faults.send_modify(|faults| {
            faults.so_far += 1;
            faults.forgotten = faults.so_far;
        });
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, faults: watch::Receiver<Faults>) {
    let mut connections = JoinSet::new();
    loop {
        let (near, _) = listener.accept().await.unwrap();
        let far = UnixStream::connect(&socket).await.unwrap();
        connections.spawn(pass(near, far, faults.clone()));
    }
}

async fn pass(mut near: TcpStream, mut far: UnixStream, mut faults: watch::Receiver<Faults>) {
    let born = faults.borrow().so_far;
    let (mut question, mut answer) = ([0; 16 * 1024], [0; 16 * 1024]);
    loop {
        let now = *faults.borrow_and_update();
        if now.cut > born {
            return;
        }
        let open = now.forgotten <= born;
        let passed = tokio::select! {
            _ = faults.changed() => continue,
            read = near.read(&mut question), if open => match read {
                Ok(length @ 1..) => far.write_all(&question[..length]).await,
                _ => return,
            },
            read = far.read(&mut answer), if open => match read {
                Ok(length @ 1..) if now.commits_are_unheard && says_inserted(&answer[..length]) => return,
                Ok(length @ 1..) => near.write_all(&answer[..length]).await,
                _ => return,
            },
        };
        if passed.is_err() {
            return;
        }
    }
}

/// PostgreSQL's word for it in the protocol: `INSERT 0` and how many rows.
fn says_inserted(answer: &[u8]) -> bool {
    answer.windows(9).any(|window| window == b"INSERT 0 ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_whose_commit_was_never_heard_of_is_refused_and_counts_once_when_sent_again() {
    let link = Link::start().await;
    let app = link.app().await;
    let client = app.client();
    assert_eq!(load::send(&client, "before").await, Told::Acknowledged);
    link.lose_commits(true);
    let sent = Instant::now();
    refused(&client.pledge(&load::body("in-doubt")).await, sent);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE source = 'in-doubt'").await, 1, "it was stored");
    link.lose_commits(false);
    is_well_again(&client, "after@example.org").await;
    for _ in 0..3 {
        assert_eq!(load::send(&client, "in-doubt").await, Told::Acknowledged);
    }
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 3);
    assert_eq!(app.differences().await, [""; 0]);
    total_becomes(&client, 3).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_in_the_middle_of_a_pledge_is_refused_or_retried_and_counts_once() {
    let link = Link::start().await;
    let app = link.app().await;
    let client = app.client();
    let load = load::Load::start(&client.base, 8, "load");
    for _ in 0..10 {
        let before = load.acknowledged();
        link.cut();
        soon("pledges are acknowledged again", async || load.acknowledged() > before + 10).await;
    }
    let mut ledger = load.stop().await;
    assert_eq!(ledger.reconcile(&app.rows).await, [""; 0]);
    load::send_again(&client, &mut ledger).await;
    assert_eq!(ledger.reconcile(&app.rows).await, [""; 0]);
    app.stop().await;
}

/// The database is there and takes connections, but those of the pool lead nowhere. Waiting for the operating system to
/// notice would take a quarter of an hour, or for ever.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_went_silent_are_given_up() {
    let link = Link::start().await;
    let app = link.app().await;
    let client = app.client();
    // As many pledges at once as there are connections.
    let mut many = JoinSet::new();
    for number in 0..20 {
        let client = client.clone();
        many.spawn(async move { load::send(&client, &format!("before-{number}")).await });
    }
    assert_eq!(many.join_all().await, [Told::Acknowledged; 20]);
    link.forget();
    let sent = Instant::now();
    refused(&client.pledge(&load::body("first")).await, sent);
    soon("the pledge is stored", async || load::send(&client, "first").await == Told::Acknowledged).await;
    total_becomes(&client, 21).await;
    for number in 0..20 {
        let key = format!("after-{number}");
        soon("every pledge is stored", async || load::send(&client, &key).await == Told::Acknowledged).await;
    }
    assert_eq!(app.differences().await, [""; 0]);
    total_becomes(&client, 41).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_kept_and_was_waited_for_in_vain_is_replaced() {
    let url = cluster::database().await;
    let database = Database::new(&url, 2).unwrap();
    let mut kept = database.keep();
    let pid = async |connection: &mut Connection| -> Result<i32, DbError> {
        Ok(select(sql::<Integer>("pg_backend_pid()")).get_result(connection).await?)
    };
    let soon = || tokio::time::Instant::now() + Duration::from_secs(10);
    let first = kept.run_until(soon(), pid).await.unwrap();
    assert_eq!(kept.run_until(soon(), pid).await.unwrap(), first);
    let for_ever = async |connection: &mut Connection| -> Result<(), DbError> {
        connection.batch_execute("BEGIN; SELECT pg_sleep(60)").await?;
        Ok(())
    };
    let deadline = tokio::time::Instant::now() + Duration::from_millis(100);
    assert!(matches!(kept.run_until(deadline, for_ever).await, Err(DbError::Unavailable)));
    assert_ne!(kept.run_until(soon(), pid).await.unwrap(), first);
    database.close();
}
