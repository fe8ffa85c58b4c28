//! A mail server for tests, with faults as wanted. It keeps what it was given.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use pledges::pledges::links::Token;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

/// What becomes of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is accepted.
    Accept,
    /// The same, after a time.
    Slow(Duration),
    /// The recipient gets this status.
    Recipient(u16),
    /// The message gets this status.
    Message(u16),
    /// Nothing more is said once the recipient is known.
    Stall,
    /// It is kept, and the connection ends before that is said.
    CutUnanswered,
    /// It is kept, that is said, and the connection ends.
    CutThen,
}

/// A mail that was kept.
#[derive(Clone, Debug)]
pub struct Received {
    pub to: String,
    pub message: String,
}

impl Received {
    /// The link in it.
    pub fn token(&self) -> Token {
        let text = self.message.replace("=\r\n", "");
        let places = ["/confirm/", "/my-pledge/"];
        let token = places.iter().find_map(|place| Token::parse(text.split_once(place)?.1.get(..64)?));
        token.unwrap_or_else(|| panic!("no link in {text}"))
    }

    /// The value of a header, unfolded.
    pub fn header(&self, name: &str) -> String {
        let head = self.message.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {name} in {head}"))
    }
}

/// To which recipient, and how many mails to it were begun before.
type Behaviour = dyn Fn(&str, usize) -> Answer + Send + Sync;

#[derive(Default)]
struct State {
    received: Vec<Received>,
    begun: HashMap<String, usize>,
    connections: usize,
}

/// A mail server that runs until it is dropped.
pub struct Server {
    pub port: u16,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// One that accepts everything.
    pub async fn accepting() -> Self {
        Self::start(|_, _| Answer::Accept).await
    }

    pub async fn start(behaviour: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::at(0, behaviour).await
    }

    pub async fn at(port: u16, behaviour: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, behaviour) =
            (Arc::<Mutex<State>>::default(), Arc::<Behaviour>::from(Box::new(behaviour) as Box<_>));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, state.clone(), behaviour));
        Self { port, state, _tasks: tasks }
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// Keeps a mail that nobody has sent.
    pub fn keep(&self, mail: Received) {
        self.state.lock().unwrap().received.push(mail);
    }

    pub fn count(&self) -> usize {
        self.state.lock().unwrap().received.len()
    }

    /// Connections that were made so far.
    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// How many mails were received again, by their Message-ID.
    pub fn repeated(&self) -> usize {
        let mut ids: Vec<String> = self.received().iter().map(|mail| mail.header("Message-ID")).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        all - ids.len()
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>, behaviour: Arc<Behaviour>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        state.lock().unwrap().connections += 1;
        let (state, behaviour) = (state.clone(), behaviour.clone());
        connections.spawn(async move {
            // The other side may have gone.
            let _ = talk(stream, &state, &behaviour).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn talk(stream: TcpStream, state: &Mutex<State>, behaviour: &Arc<Behaviour>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    write.write_all(b"220 test ready\r\n").await?;
    let (mut to, mut answer, mut line) = (String::new(), Answer::Accept, String::new());
    loop {
        line.clear();
        if lines.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let reply = match verb.as_str() {
            "EHLO" => "250-test\r\n250 8BITMIME\r\n".to_owned(),
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                let before = {
                    let mut state = state.lock().unwrap();
                    let begun = state.begun.entry(to.clone()).or_default();
                    *begun += 1;
                    *begun - 1
                };
                answer = behaviour(&to, before);
                match answer {
                    // What servers write repeats the address: it must not be kept anywhere.
                    Answer::Recipient(code) => format!("{code} 5.1.1 <{to}> is not wanted here\r\n"),
                    Answer::Stall => std::future::pending().await,
                    _ => "250 ok\r\n".to_owned(),
                }
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let message = data(&mut lines).await?;
                if let Answer::Slow(time) = answer {
                    sleep(time).await;
                }
                if let Answer::Message(code) = answer {
                    format!("{code} <{to}> gets no such mail\r\n")
                } else {
                    state.lock().unwrap().received.push(Received { to: to.clone(), message });
                    match answer {
                        Answer::CutUnanswered => return Ok(()),
                        Answer::CutThen => return write.write_all(b"250 accepted\r\n").await,
                        _ => "250 accepted\r\n".to_owned(),
                    }
                }
            }
            "QUIT" => return write.write_all(b"221 bye\r\n").await,
            _ => "250 ok\r\n".to_owned(),
        };
        write.write_all(reply.as_bytes()).await?;
    }
}

/// The message up to the dot, without what made its dots transparent.
async fn data(lines: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<String> {
    let (mut message, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        if lines.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(message);
        }
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
