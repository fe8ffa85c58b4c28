//! A PostgreSQL and a service of the test's own, everything that they say, and where it is looked for afterwards.

use std::{process::Command, time::Duration};

use pledges::{accounts::Role, db::local_postgres::LocalPostgres};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    own,
    search::{Contents, Findings, Place, Search},
};
use crate::support::{
    client::Client,
    cluster,
    program::{self, Running, VarDir},
    rows::Rows,
    smtp::{Answer, Received, Server},
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Stage {
    pub postgres: Option<LocalPostgres>,
    pub url: SecretString,
    pub rows: Rows,
    pub moderator: String,
    pub organiser: String,
    var: VarDir,
    /// The directory in which the service runs: cores would fall there.
    working: tempfile::TempDir,
    service: Option<Running>,
    service_log: String,
    said: String,
    /// What was asked, and the answer without the words that it may tell.
    answers: Vec<(String, Vec<u8>)>,
    metrics: String,
    smtp: Server,
}

/// Mails to it are refused, in words that repeat the address.
pub const REFUSED: &str = "refused";

impl Stage {
    pub async fn start() -> Self {
        let var = VarDir::new();
        let postgres = LocalPostgres::start(&cluster::config(var.path())).await.unwrap();
        let url: SecretString = postgres.url().into();
        let rows = Rows::new(&url).await;
        pledges::db::migrate(&rows.database).await.unwrap();
        rows.campaign("defend").await;
        rows.campaign_with(
            "anonymous",
            serde_json::json!({"fields": {"name": "optional", "email": "off", "message": "optional"}}),
        )
        .await;
        rows.campaign("closed").await;
        rows.execute("UPDATE campaigns SET state = 'closed' WHERE slug = 'closed'").await;
        rows.campaign_with("by-mail", serde_json::json!({"confirmation": "email"})).await;
        let refusing = |to: &str, before| match before {
            _ if to.contains(REFUSED) => Answer::Recipient(550),
            0 => Answer::Message(451),
            _ => Answer::Accept,
        };
        let moderator = rows.moderator(Role::Moderator, &["defend"]).await;
        let organiser = rows.moderator(Role::Organiser, &["defend"]).await;
        Self {
            postgres: Some(postgres),
            url,
            rows,
            moderator,
            organiser,
            var,
            working: tempfile::tempdir().unwrap(),
            service: None,
            service_log: String::new(),
            said: String::new(),
            answers: Vec::new(),
            metrics: String::new(),
            smtp: Server::start(refusing).await,
        }
    }

    /// Starts the service at its most talkative, with leave to dump its memory when it crashes.
    pub async fn serve(&mut self, format: &str) {
        let arguments = ["serve", "--bind", "127.0.0.1:0", "--workers", "2", "--look-every-ms", "30"];
        let more = ["--logins-per-minute", "10000", "--log", "trace", "--log-format", format];
        let server = format!("smtp://127.0.0.1:{}", self.smtp.port);
        let mails = [
            "--smtp-url",
            &server,
            "--mail-first-retry-ms",
            "50",
            "--mail-lease-ms",
            "5000",
            "--mail-timeout-ms",
            "2000",
        ];
        let all = [&arguments[..], &more, &mails].concat();
        let plain = program::command_on(&self.url, &self.var.file("service"), &all);
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\""]).arg(plain.get_program()).args(plain.get_args());
        command.env_clear().current_dir(self.working.path());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.service = Some(Running::start(command).await);
    }

    pub fn service(&self) -> &Running {
        self.service.as_ref().unwrap()
    }

    pub fn client(&self) -> Client {
        self.service().client()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client().request(method, path)
    }

    /// Somebody, signed in.
    pub async fn signed_in(&self, login: &str) -> Client {
        let mut client = self.client();
        client.login(login).await;
        client
    }

    /// Keeps what the service tells Prometheus now.
    pub async fn measure(&mut self) {
        self.metrics += &self.client().get("/metrics").await.text();
    }

    /// Sends a signal (or waits only, without one) and keeps all that the service has said. Returns its exit status, None when
    /// it was killed.
    pub async fn end(&mut self, signal: Option<&str>) -> Option<i32> {
        let service = self.service.take().unwrap();
        if let Some(signal) = signal {
            program::signal(signal, service.pid());
        }
        let ended = service.ended().await;
        self.service_log += &ended.stderr;
        self.said += &ended.stdout;
        ended.code
    }

    /// Runs a command beside the service.
    pub async fn run(&mut self, arguments: &[&str], code: i32) -> String {
        let ended =
            program::run(program::command_on(&self.url, &self.var.file("command"), arguments)).await.expect(code);
        self.said += &ended.stdout;
        self.said += &ended.stderr;
        ended.stderr
    }

    /// Sends a request, which must be answered with this status. In the answer there may be only words of `may_tell`.
    pub async fn ask(&mut self, request: RequestBuilder, status: u16, may_tell: &[&str]) -> Value {
        let request = request.build().unwrap();
        let what = format!("{} {}", request.method(), request.url());
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
        let answer = client.build().unwrap().execute(request).await.unwrap();
        let (given, mut all) = (answer.status(), format!("{:?}", answer.headers()).into_bytes());
        let id = answer.headers().get("x-request-id").map(|id| id.to_str().unwrap().to_owned());
        // A stream has no end.
        let streams =
            answer.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let body = if streams { Vec::new() } else { answer.bytes().await.unwrap().to_vec() };
        assert_eq!(given, status, "{what}: {}", String::from_utf8_lossy(&body));
        assert!(id.is_some_and(|id| id.len() == 32) || given == 204, "{what} has no id");
        all.extend(&body);
        self.answers.push((what, without(may_tell, &all)));
        serde_json::from_slice(&body).unwrap_or_default()
    }

    /// Sends bytes that no client would, and hangs up after the answer, or after a moment.
    pub async fn send_raw(&mut self, what: &str, bytes: &[u8]) {
        let address = self.service().base.strip_prefix("http://").unwrap().to_owned();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let patience = Duration::from_millis(100);
        let _ = tokio::time::timeout(patience, stream.read_to_end(&mut answer)).await;
        self.answers.push((what.to_owned(), answer));
    }

    /// Mails that were accepted so far.
    pub fn mails(&self) -> Vec<Received> {
        self.smtp.received()
    }

    /// The mails without what they are there to tell.
    fn stripped_mails(&self) -> Vec<(String, Vec<u8>)> {
        let may_tell = |mail: &Received| {
            let own = own::may_tell(mail);
            let all: Vec<&str> = own.iter().map(String::as_str).chain([mail.to.as_str()]).collect();
            // Soft breaks of quoted-printable.
            without(&all, mail.message.replace("=\r\n", "").as_bytes())
        };
        self.mails().iter().map(|mail| (mail.header("Message-ID"), may_tell(mail))).collect()
    }

    /// Everything that was left behind anywhere, as it is now.
    pub async fn places(&self) -> Vec<Place> {
        let postgres = self.postgres.as_ref().unwrap();
        let (data, log) = (postgres.data_dir(), postgres.log_file());
        let wal = data.join("pg_wal");
        // What is only in PostgreSQL's memory gets into the files.
        self.rows.execute("CHECKPOINT").await;
        let dump = Command::new("pg_dump").arg(self.url.expose_secret()).output().unwrap();
        assert!(dump.status.success(), "{dump:?}");
        let bytes = |text: &str| Contents::Bytes(text.as_bytes().to_vec());
        vec![
            ("the log of the service", bytes(&self.service_log)),
            ("what commands say", bytes(&self.said)),
            ("the log of PostgreSQL", Contents::Bytes(std::fs::read(log).unwrap())),
            ("the dump", Contents::Bytes(dump.stdout)),
            ("the data directory", Contents::Files(data, Some(wal.clone()))),
            ("WAL", Contents::Files(wal, None)),
            ("the files of the service", Contents::Files(self.var.file("service"), None)),
            ("metrics", bytes(&self.metrics)),
            ("answers", Contents::Each(self.answers.clone())),
            ("mails", Contents::Each(self.stripped_mails())),
            ("cores", Contents::NoFiles(self.working.path().to_owned())),
        ]
    }

    /// Plants a word in each place, as a leak would leave it there.
    pub async fn leak(&mut self, word: &'static str) {
        self.service_log += word;
        self.metrics += word;
        self.run(&["seed", "--rows", "1", "--campaign", word], 1).await;
        self.rows.execute(&format!("CREATE TABLE leak_of_{word} AS SELECT '{word}' AS word")).await;
        self.rows.execute(&format!("DO $$ BEGIN RAISE LOG '{word}'; END $$")).await;
        std::fs::write(self.working.path().join("core.1"), "memory").unwrap();
        std::fs::write(self.var.file("service/leak"), word).unwrap();
        self.answers.push(("a leak".to_owned(), word.into()));
        self.leak_into_mail(word);
    }

    /// A mail to somebody else.
    pub fn leak_into_mail(&self, text: &str) {
        let message = format!("Message-ID: a leak\r\n\r\n{text}");
        self.smtp.keep(Received { to: "somebody@example.org".into(), message });
    }

    pub fn leak_into_metrics(&mut self, line: &str) {
        self.metrics += line;
    }

    pub fn leak_into_log(&mut self, line: &str) {
        self.service_log += line;
    }

    pub async fn look(&self, search: &Search) -> Findings {
        search.look(&self.places().await)
    }

    pub fn postgres_log(&self) -> String {
        std::fs::read_to_string(self.postgres.as_ref().unwrap().log_file()).unwrap()
    }

    pub fn service_log(&self) -> &str {
        &self.service_log
    }

    /// Starts PostgreSQL again after it was stopped.
    pub async fn start_postgres(&mut self) {
        self.postgres = Some(LocalPostgres::start(&cluster::config(self.var.path())).await.unwrap());
    }
}

fn without(words: &[&str], answer: &[u8]) -> Vec<u8> {
    let answer = String::from_utf8_lossy(answer).into_owned();
    let taken_out = words.iter().fold(answer, |text, word| text.replace(word, "").replace(&word.to_lowercase(), ""));
    taken_out.into_bytes()
}
