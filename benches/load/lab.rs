//! Where the cases run: one private PostgreSQL, a database of its own for each case, cloned from one with the demo
//! campaign, and a service with its default settings on it.

use std::{cell::Cell, path::PathBuf};

use anyhow::{Context, ensure};
use pledges::db::local_postgres::{LocalPostgres, LocalPostgresConfig};
use secrecy::SecretString;
use tokio_postgres::{Client as Postgres, NoTls};

use crate::{
    ceiling,
    out::tell,
    pledges::{self as load, Outcome},
    run::Options,
    service::{Program, Service, search_path},
    table::Report,
};

/// The campaign that is pledged for: the demo's.
pub const CAMPAIGN: &str = "together-we-defend";

/// The database that all others are cloned from: the one that the private PostgreSQL begins with.
const TEMPLATE: &str = "pledges";

/// The same while the large one has its name.
const TEMPLATE_ASIDE: &str = "bench_template";

/// The database with many rows; in a directory that is kept it is there at the next run.
pub const LARGE: &str = "bench_large";

/// The private PostgreSQL and what is started on it.
pub struct Lab {
    /// What was asked for.
    pub options: Options,
    /// The program that is measured.
    pub program: Program,
    postgres: LocalPostgres,
    next: Cell<u32>,
}

impl Lab {
    /// Starts the PostgreSQL.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn open(options: Options, program: Program) -> anyhow::Result<Self> {
        let postgres = LocalPostgres::start(&cluster(&options)).await?;
        Ok(Self { options, program, postgres, next: Cell::new(1) })
    }

    /// Makes the demo campaign, unless it is there.
    ///
    /// # Errors
    /// When the service doesn't start.
    pub async fn prepare(&self) -> anyhow::Result<()> {
        self.mend_names().await?;
        let url = self.postgres.url();
        let service = Service::start(&self.program, &self.var_dir("template"), Some(&url), &["--demo"]).await?;
        service.stop().await
    }

    /// A run that was killed while the large database had the template's name.
    async fn mend_names(&self) -> anyhow::Result<()> {
        let admin = self.admin().await?;
        let aside = admin.query_opt("SELECT FROM pg_database WHERE datname = $1", &[&TEMPLATE_ASIDE]).await?;
        if aside.is_some() { self.rename_back().await } else { Ok(()) }
    }

    /// Gives the large database the name of the one that a private PostgreSQL is used with.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn make_large_the_private_one(&self) -> anyhow::Result<()> {
        self.rename(&[(TEMPLATE, TEMPLATE_ASIDE), (LARGE, TEMPLATE)]).await
    }

    /// Undoes [`Self::make_large_the_private_one`].
    ///
    /// # Errors
    /// Those of the database.
    pub async fn rename_back(&self) -> anyhow::Result<()> {
        self.rename(&[(TEMPLATE, LARGE), (TEMPLATE_ASIDE, TEMPLATE)]).await
    }

    /// Stops the PostgreSQL.
    ///
    /// # Errors
    /// When it doesn't stop.
    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.postgres.stop().await?)
    }

    /// The private PostgreSQL.
    pub fn postgres(&self) -> &LocalPostgres {
        &self.postgres
    }

    /// Lets `work` have the cluster's files to itself: stops the PostgreSQL before and starts it afterwards.
    ///
    /// # Errors
    /// When PostgreSQL doesn't stop or start, and those of `work`.
    pub async fn without_postgres<T>(&self, work: impl AsyncFnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        // Whoever starts a server that runs gets it as well; what we have stays good for the next one.
        LocalPostgres::start(&cluster(&self.options)).await?.stop().await?;
        let done = work().await;
        LocalPostgres::start(&cluster(&self.options)).await?;
        done
    }

    /// In order. Nobody may be connected.
    async fn rename(&self, names: &[(&str, &str)]) -> anyhow::Result<()> {
        let admin = self.admin().await?;
        for (old, new) in names {
            admin.batch_execute(&format!("ALTER DATABASE {old} RENAME TO {new}")).await?;
        }
        Ok(())
    }

    /// The var directory of the private PostgreSQL.
    pub fn cluster_dir(&self) -> PathBuf {
        self.options.directory.join("cluster")
    }

    /// The var directory of a service.
    pub fn var_dir(&self, name: &str) -> PathBuf {
        self.options.directory.join(format!("service-{name}"))
    }

    /// A database of its own with the demo campaign, and a service on it.
    ///
    /// # Errors
    /// Those of the database, and when the service doesn't start.
    pub async fn stage(&self, case: &'static str) -> anyhow::Result<Stage<'_>> {
        self.stage_with(case, &self.program).await
    }

    /// The same with another program on it.
    ///
    /// # Errors
    /// Those of the database, and when the service doesn't start.
    pub async fn stage_with(&self, case: &'static str, program: &Program) -> anyhow::Result<Stage<'_>> {
        self.stage_after(case, program, "").await
    }

    /// The same, after statements in the database.
    ///
    /// # Errors
    /// Those of the database, and when the service doesn't start.
    pub async fn stage_after(&self, case: &'static str, program: &Program, sql: &str) -> anyhow::Result<Stage<'_>> {
        let number = self.next.get();
        self.next.set(number + 1);
        let database = format!("bench_{number}");
        // A run that was killed may have left one in a directory that is kept.
        self.admin().await?.batch_execute(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).await?;
        self.clone_template(&database).await?;
        self.connect(&database).await?.batch_execute(sql).await?;
        let stage = self.stage_of(case, &database, program).await?;
        Ok(Stage { passing: Some(database), ..stage })
    }

    /// A service on a database that is there and stays.
    ///
    /// # Errors
    /// Those of the database, and when the service doesn't start.
    pub async fn stage_on(&self, case: &'static str, database: &str) -> anyhow::Result<Stage<'_>> {
        self.stage_of(case, database, &self.program).await
    }

    /// The same with another program on it.
    ///
    /// # Errors
    /// Those of the database, and when the service doesn't start.
    pub async fn stage_of(&self, case: &'static str, database: &str, program: &Program) -> anyhow::Result<Stage<'_>> {
        let url = self.postgres.database_url(database);
        let service = Service::start(program, &self.var_dir(database), Some(&url), &[]).await?;
        let postgres = connect(&url).await?;
        Ok(Stage { lab: self, case, url, passing: None, service, postgres })
    }

    /// Makes a database with the demo campaign in it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn clone_template(&self, database: &str) -> anyhow::Result<()> {
        let admin = self.admin().await?;
        Ok(admin.batch_execute(&format!("CREATE DATABASE {database} TEMPLATE {TEMPLATE}")).await?)
    }

    /// A connection to the database beside all others.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn admin(&self) -> anyhow::Result<Postgres> {
        self.connect("postgres").await
    }

    /// A connection to a database.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn connect(&self, database: &str) -> anyhow::Result<Postgres> {
        connect(&self.postgres.database_url(database)).await
    }
}

fn cluster(options: &Options) -> LocalPostgresConfig {
    LocalPostgresConfig {
        var_dir: options.directory.join("cluster"),
        bin_dir: options.postgres_bin.clone(),
        search_path: Some(search_path()),
        settings: Vec::new(),
    }
}

/// A connection to the database at `url`, which lasts as long as the client.
///
/// # Errors
/// Those of the database.
pub async fn connect(url: &str) -> anyhow::Result<Postgres> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("the database can't be reached")?;
    tokio::task::spawn_local(connection);
    Ok(client)
}

/// A database and the service on it.
pub struct Stage<'a> {
    /// Where it belongs.
    pub lab: &'a Lab,
    /// The service.
    pub service: Service,
    /// The database's address.
    pub url: String,
    /// A connection of the driver's own.
    pub postgres: Postgres,
    case: &'static str,
    /// The database, when it goes with the stage.
    passing: Option<String>,
}

impl Stage<'_> {
    /// Rows of pledges.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn rows(&self) -> anyhow::Result<usize> {
        Self::count(&self.postgres).await
    }

    /// The greatest id of a pledge: those of later ones are greater.
    ///
    /// # Errors
    /// Those of the database, and when there is none.
    pub async fn last_id(&self) -> anyhow::Result<String> {
        let last = "SELECT id::text FROM pledges ORDER BY id DESC LIMIT 1";
        Ok(self.postgres.query_one(last, &[]).await?.get(0))
    }

    /// Rows of pledges with greater ids.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn rows_behind(&self, id: &str) -> anyhow::Result<usize> {
        let sql = format!("SELECT count(*) FROM pledges WHERE id > '{id}'");
        Ok(usize::try_from(self.postgres.query_one(&sql, &[]).await?.get::<_, i64>(0))?)
    }

    /// Rows of pledges in any database.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn count(postgres: &Postgres) -> anyhow::Result<usize> {
        let row = postgres.query_one("SELECT count(*) FROM pledges", &[]).await?;
        Ok(usize::try_from(row.get::<_, i64>(0))?)
    }

    /// Brings everything to disk, so that no case pays for the one before.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn checkpoint(&self) -> anyhow::Result<()> {
        Ok(self.postgres.batch_execute("CHECKPOINT").await?)
    }

    /// Sends pledges, and makes sure that each that was acknowledged is there, and nothing that wasn't sent.
    ///
    /// # Errors
    /// When they differ: then nothing that was measured counts.
    pub async fn send(&self, what: &str, shape: load::Shape) -> anyhow::Result<Outcome> {
        self.send_as(what, None, shape).await
    }

    /// The same with a partner's secret key.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_as(&self, what: &str, secret: Option<&str>, shape: load::Shape) -> anyhow::Result<Outcome> {
        self.checkpoint().await?;
        let before = self.rows().await?;
        let outcome = load::send(self.service.address, CAMPAIGN, secret, shape).await?;
        let grown = self.rows().await? - before;
        self.tell(what, &outcome.lines().join("; "));
        ensure!(
            (outcome.acknowledged..=outcome.sent).contains(&grown),
            "{} pledges were acknowledged and {} sent, but {grown} are stored",
            outcome.acknowledged,
            outcome.sent
        );
        ensure!(outcome.unexpected == 0, "{} answers were neither 201, 202 nor a refusal", outcome.unexpected);
        Ok(outcome)
    }

    /// Stores batches of our own statement on one connection.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ceiling(&self, seconds: u64) -> anyhow::Result<f64> {
        self.checkpoint().await?;
        let shape = ceiling::Shape { batch: 256, seconds, warm_up: 1 };
        let reached = ceiling::reach(&SecretString::from(self.url.clone()), CAMPAIGN, shape).await?;
        self.tell("ceiling", &format!("{:.0} rows/s", reached.rows_a_second));
        Ok(reached.rows_a_second)
    }

    /// Progress.
    pub fn tell(&self, what: &str, text: &str) {
        tell(&format!("{:<9} {what:<22} {text}", self.case));
    }

    /// Recounts everything, stops the service and drops the database.
    ///
    /// # Errors
    /// When the service doesn't stop.
    pub async fn clear(self, report: &mut Report) -> anyhow::Result<()> {
        let var_dir = self.lab.var_dir("doctor");
        let said = self.lab.program.run(&var_dir, Some(&self.url), &["doctor"]).await;
        let (said, well) = match said {
            Ok(said) => (said, true),
            Err(error) => (format!("{error:#}"), false),
        };
        self.tell("doctor", &said);
        report.add_doctor(self.case, &said, well);
        self.service.stop().await?;
        drop(self.postgres);
        if let Some(database) = self.passing {
            self.lab.admin().await?.batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)")).await?;
        }
        Ok(())
    }
}
