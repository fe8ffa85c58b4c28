//! The database: the pool, what can go wrong with it, migrations, and the private PostgreSQL of development.

mod constraints;
pub mod copied;
pub mod local_postgres;
mod migrate;
mod own;
mod pooler;
mod postgres_binaries;
mod prepared;
mod renewal;
pub mod roles;
#[rustfmt::skip]
pub mod schema;
pub mod var_lock;

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{ConnectionError, QueryableByName, result::DatabaseErrorKind, result::Error as DieselError};
use diesel_async::{
    AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout_at};

pub use constraints::CONSTRAINTS;
pub use migrate::{migrate, revert_all};
pub use own::{KeptConnection, Listener};
pub use prepared::{ByText, Prepared};
pub use renewal::Renewal;

/// A connection, taken from the pool or opened by hand.
pub type Connection = AsyncPgConnection;

/// How long a request waits for a connection, and a connection for the server: together with the statement below
/// the two seconds within which a stopped database must be told (design, issue 1).
const PATIENCE: Duration = Duration::from_millis(1_500);

/// How long a person waits for an answer of the database.
const LONGEST: Duration = Duration::from_secs(10);

/// How long a task waits that will try again anyway.
pub const TASK_PATIENCE: Duration = Duration::from_secs(3);

/// What each connection is set to. Durability is asked for even where the server's default is laxer (rule 1), and no
/// statement, lock or forgotten transaction lasts for ever: a transaction of ours idles no longer than a round trip, and one
/// that does has lost its service but holds the lock of the fold.
const SESSION: &str = "SET synchronous_commit = on; SET statement_timeout = '30s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '5s'; SET application_name = 'pledges'";

/// What the database said, as far as the service tells it apart. Nothing here carries a value: every word is one of ours,
/// known at the time of compiling.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum DbError {
    /// It can't be reached, or the connection broke; what was under way may or may not have been committed.
    #[error("the database can't be reached; is DATABASE_URL right, and the server running?")]
    Unavailable,
    /// Another transaction was in the way; trying again may succeed.
    #[error("another transaction was in the way")]
    Conflict,
    /// A constraint, by name: one of [`CONSTRAINTS`], or what stands for the others.
    #[error("a constraint was violated: {0}")]
    Constraint(&'static str),
    /// No such row.
    #[error("no such row")]
    NotFound,
    /// Anything else: a defect of the service.
    #[error("a query failed: {0}")]
    Defect(&'static str),
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        use DatabaseErrorKind as Kind;
        #[cfg(debug_assertions)]
        panic_on_purpose(&error);
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(kind, info) => match kind {
                // A standby takes no writes: to a pledge it is as good as away.
                Kind::ClosedConnection | Kind::UnableToSendCommand | Kind::ReadOnlyTransaction => Self::Unavailable,
                Kind::SerializationFailure => Self::Conflict,
                Kind::UniqueViolation
                | Kind::ForeignKeyViolation
                | Kind::CheckViolation
                | Kind::NotNullViolation
                | Kind::ExclusionViolation => Self::Constraint(constraints::known(info.constraint_name())),
                _ => from_message(info.message()),
            },
            DieselError::BrokenTransactionManager => Self::Unavailable,
            DieselError::SerializationError(_) => Self::Defect("a value can't be written"),
            DieselError::DeserializationError(_) => Self::Defect("a value can't be read"),
            _ => Self::Defect("not classified"),
        }
    }
}

/// So that the canary test sees what a panic leaves behind, its triggers raise a constraint of this name. The payload is all
/// that the database said. Release builds hold none of this.
#[cfg(debug_assertions)]
#[expect(clippy::panic, reason = "it is the purpose")]
fn panic_on_purpose(error: &DieselError) {
    if let DieselError::DatabaseError(_, info) = error
        && info.constraint_name() == Some("panic_on_purpose")
    {
        panic!("{} {:?} {:?}", info.message(), info.details(), info.hint());
    }
}

/// diesel gives no SQLSTATE for these; the messages are PostgreSQL's own in the C locale and hold no values.
fn from_message(message: &str) -> DbError {
    const GONE: [&str; 12] = [
        "terminating connection",
        "the database system is",
        "connection closed",
        "server closed",
        "canceling statement due to",
        "error communicating with the server",
        "too many connections",
        "remaining connection slots",
        // A standby, and a full disk: a pledge can't be stored, and may be sent again.
        "read-only transaction",
        "could not extend file",
        "No space left on device",
        "could not write",
    ];
    if message.starts_with("deadlock detected") {
        DbError::Conflict
    } else if message.starts_with("prepared statement") {
        DbError::Defect(
            "the pooler mixes up prepared statements; let it keep them apart (PgBouncer 1.21 or newer with \
             max_prepared_statements) or pool by session",
        )
    } else if GONE.iter().any(|start| message.contains(start)) {
        DbError::Unavailable
    } else {
        DbError::Defect("refused by the server")
    }
}

impl From<ConnectionError> for DbError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::CouldntSetupConfiguration(error) => error.into(),
            _ => Self::Unavailable,
        }
    }
}

/// How the pool is used.
#[derive(Clone, Copy, Debug)]
pub struct PoolUse {
    /// Connections that somebody has.
    pub lent: usize,
    /// Connections that nobody has.
    pub idle: usize,
    /// Callers that wait for one.
    pub waiting: usize,
}

/// The pool of connections. Clones share it.
#[derive(Clone)]
pub struct Database {
    pool: Pool<Connection>,
    url: SecretString,
    direct: Option<SecretString>,
    owner: Option<SecretString>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database(url hidden)")
    }
}

impl Database {
    /// A pool of up to `connections`, opened when needed. Must be called on the main runtime: every connection is
    /// driven there, whichever thread asks for it, so that it outlives the thread.
    ///
    /// # Errors
    /// [`DbError::Defect`] when the pool can't be built.
    pub fn new(url: &SecretString, connections: u32) -> Result<Self, DbError> {
        let runtime = tokio::runtime::Handle::current();
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |url| {
            let (runtime, url) = (runtime.clone(), url.to_owned());
            Box::pin(async move {
                runtime
                    .spawn(async move { open(&url).await })
                    .await
                    .unwrap_or_else(|_| Err(ConnectionError::BadConnection("the runtime is stopping".into())))
            })
        });
        let manager = AsyncDieselConnectionManager::new_with_config(url.expose_secret(), config);
        let pool = Pool::builder(manager)
            .max_size(usize::try_from(connections).unwrap_or(usize::MAX))
            .runtime(deadpool::Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .recycle_timeout(Some(PATIENCE))
            .build()
            .map_err(|_| DbError::Defect("the pool can't be built"))?;
        Ok(Self { pool, url: url.clone(), direct: None, owner: None })
    }

    /// The same, with another address for what doesn't work through a pooler in transaction mode.
    #[must_use]
    pub fn with_direct(self, direct: Option<&SecretString>) -> Self {
        Self { direct: direct.cloned(), ..self }
    }

    /// The same, with another address for what only the owner of the tables may do.
    #[must_use]
    pub fn with_owner(self, owner: Option<&SecretString>) -> Self {
        Self { owner: owner.cloned(), ..self }
    }

    /// Lends `work` a connection until `deadline`. One that was waited for in vain may be dead without knowing it (a
    /// firewall forgot it, the server stands still): it and the idle ones are thrown away, so that the next caller gets a
    /// new one.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] at the deadline; what was under way may or may not be committed. And those of `work`.
    pub async fn run_until<T, E: From<DbError>>(
        &self,
        deadline: Instant,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let unavailable = |_| E::from(DbError::Unavailable);
        let mut lent = timeout_at(deadline, self.get()).await.map_err(unavailable)??;
        match timeout_at(deadline, work(&mut lent)).await {
            Ok(done) => done,
            Err(late) => {
                drop(Object::take(lent));
                // Those that lie idle were opened in the same world.
                self.pool.retain(|_, _| false);
                Err(unavailable(late))
            }
        }
    }

    /// The same, for ten seconds: for people who wait.
    ///
    /// # Errors
    /// As [`Self::run_until`].
    pub async fn run<T, E: From<DbError>>(
        &self,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.run_until(Instant::now() + LONGEST, work).await
    }

    /// A connection from the pool, within 1.5 seconds, for as long as one likes: for the command line.
    ///
    /// # Errors
    /// [`DbError::Unavailable`].
    pub async fn get(&self) -> Result<Object<Connection>, DbError> {
        self.pool.get().await.map_err(|_| DbError::Unavailable)
    }

    /// A connection of one's own that goes the way of the pool's: one transaction after the other, nothing that lasts.
    ///
    /// # Errors
    /// [`DbError::Unavailable`].
    pub async fn open(&self) -> Result<Connection, DbError> {
        open_in_time(&self.url).await
    }

    /// A connection to the server itself, past any pooler: for session locks and settings, and for [`Self::listen`].
    ///
    /// # Errors
    /// [`DbError::Unavailable`].
    pub async fn open_direct(&self) -> Result<Connection, DbError> {
        open_in_time(self.direct.as_ref().unwrap_or(&self.url)).await
    }

    /// A connection as the owner of the tables, for migrations and what else the service's own role may not do; where no owner
    /// is set, like [`Self::open_direct`].
    ///
    /// # Errors
    /// [`DbError::Unavailable`].
    pub async fn open_owner(&self) -> Result<Connection, DbError> {
        open_in_time(self.owner.as_ref().or(self.direct.as_ref()).unwrap_or(&self.url)).await
    }

    /// Whether the owner has an address of his own.
    pub fn has_owner(&self) -> bool {
        self.owner.is_some()
    }

    /// Hears what is announced on `channel` from now on.
    ///
    /// # Errors
    /// [`DbError::Unavailable`].
    pub async fn listen(&self, channel: &'static str) -> Result<Listener, DbError> {
        let mut connection = self.open_direct().await?;
        connection.batch_execute(&format!("LISTEN {channel}")).await?;
        Ok(Listener::new(connection))
    }

    /// A connection that a task keeps for itself, opened when it is first used.
    pub fn keep(&self) -> KeptConnection {
        KeptConnection::new(self.clone())
    }

    /// What the time is in the database, when it can be reached and takes writes, within two seconds.
    pub async fn writable_at(&self) -> Option<DateTime<Utc>> {
        #[derive(QueryableByName)]
        struct Writable {
            #[diesel(sql_type = diesel::sql_types::Bool)]
            writable: bool,
            #[diesel(sql_type = diesel::sql_types::Timestamptz)]
            at: DateTime<Utc>,
        }
        let sql = "SELECT NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::bool AS writable, \
             clock_timestamp() AS at";
        let ask = async |connection: &mut Connection| -> Result<Writable, DbError> {
            Ok(diesel::sql_query(sql).get_result(connection).await?)
        };
        let answer = self.run_until(Instant::now() + PATIENCE, ask).await.ok()?;
        answer.writable.then_some(answer.at)
    }

    /// How the pool is used: connections lent, lying idle, and callers that wait for one.
    pub fn pool_use(&self) -> PoolUse {
        let status = self.pool.status();
        PoolUse { lent: status.size.saturating_sub(status.available), idle: status.available, waiting: status.waiting }
    }

    /// Closes the pool; connections in use end when they are given back.
    pub fn close(&self) {
        self.pool.close();
    }
}

async fn open_in_time(url: &SecretString) -> Result<Connection, DbError> {
    let opened = tokio::time::timeout(PATIENCE, open(url.expose_secret())).await;
    opened.map_err(|_| DbError::Unavailable)?.map_err(DbError::from)
}

async fn open(url: &str) -> Result<Connection, ConnectionError> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    connection.batch_execute(SESSION).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Runs `work` again, up to five times, while another transaction is in the way. `work` must be a whole transaction.
///
/// # Errors
/// Those of `work`.
pub async fn retrying<T, E, F>(mut work: F) -> Result<T, E>
where
    F: AsyncFnMut() -> Result<T, E>,
    E: IsConflict,
{
    let mut pause = Duration::from_millis(5);
    for _ in 0..4 {
        match work().await {
            Err(error) if error.is_conflict() => tokio::time::sleep(pause).await,
            other => return other,
        }
        pause *= 3;
    }
    work().await
}

/// Whether an error means "try again".
pub trait IsConflict {
    /// True when another transaction was in the way.
    fn is_conflict(&self) -> bool;
}

impl IsConflict for DbError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict)
    }
}

/// Whether an error means that the database can't be reached, or takes no writes.
pub trait IsUnavailable {
    /// True when it is [`DbError::Unavailable`].
    fn is_unavailable(&self) -> bool;
}

impl IsUnavailable for DbError {
    fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable)
    }
}
