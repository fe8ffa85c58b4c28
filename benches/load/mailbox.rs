//! A mail server that takes everything as fast as it comes, and keeps of each mail the token in its link.

use std::{
    cell::{Cell, RefCell},
    io,
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

/// What stands before a token.
const LINK: &str = "/confirm/";

/// Letters of a token.
const TOKEN: usize = 64;

/// How often a mail that is held asks whether it still is.
const ASK_EVERY: Duration = Duration::from_millis(50);

#[derive(Default)]
struct Kept {
    tokens: RefCell<Vec<String>>,
    holds: Cell<bool>,
}

/// The server. Dropped, it goes on only as long as its connections last.
pub struct Mailbox {
    /// Where it listens.
    pub address: SocketAddr,
    kept: Rc<Kept>,
    _tasks: JoinSet<()>,
}

impl Mailbox {
    /// Listens on the loopback.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, kept) = (listener.local_addr()?, Rc::<Kept>::default());
        let mut tasks = JoinSet::new();
        tasks.spawn_local(serve(listener, kept.clone()));
        Ok(Self { address, kept, _tasks: tasks })
    }

    /// From now on it answers no mail, or does again: a mail server sets the pace.
    pub fn hold(&self, holds: bool) {
        self.kept.holds.set(holds);
    }

    /// Mails so far that have a link to confirm, those that were taken out left out.
    pub fn count(&self) -> usize {
        self.kept.tokens.borrow().len()
    }

    /// Takes up to so many tokens out, the oldest first.
    pub fn take(&self, most: usize) -> Vec<String> {
        let mut tokens = self.kept.tokens.borrow_mut();
        let count = most.min(tokens.len());
        tokens.drain(..count).collect()
    }
}

async fn serve(listener: TcpListener, kept: Rc<Kept>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let kept = kept.clone();
        connections.spawn_local(async move {
            // The other side may have gone.
            let _ = talk(stream, &kept).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn talk(mut stream: TcpStream, kept: &Kept) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.split();
    let (mut lines, mut line) = (BufReader::new(read), String::new());
    write.write_all(b"220 load ready\r\n").await?;
    loop {
        line.clear();
        if lines.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let reply: &[u8] = match verb.as_str() {
            "EHLO" => b"250-load\r\n250 8BITMIME\r\n",
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let message = message(&mut lines).await?;
                while kept.holds.get() {
                    sleep(ASK_EVERY).await;
                }
                kept.tokens.borrow_mut().extend(token(&message));
                b"250 accepted\r\n"
            }
            "QUIT" => return write.write_all(b"221 bye\r\n").await,
            _ => b"250 ok\r\n",
        };
        write.write_all(reply).await?;
    }
}

async fn message(lines: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<String> {
    let (mut message, mut begin) = (String::new(), 0);
    while lines.read_line(&mut message).await? > 0 {
        match message.get(begin..) {
            Some(".\r\n") => return Ok(message),
            _ => begin = message.len(),
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// The token of the first link, which may be broken over lines as quoted-printable does it. Its letters are never quoted.
fn token(message: &str) -> Option<String> {
    let (_, text) = message.split_once("\r\n\r\n")?;
    let text = text.replace("=\r\n", "");
    let (_, after) = text.split_once(LINK)?;
    after.get(..TOKEN).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_over_a_soft_break() {
        let wanted = "a".repeat(TOKEN);
        let (begin, end) = wanted.split_at(20);
        let mail = format!("Subject: x\r\n\r\nOpen\r\nhttps://a.example/confirm/{begin}=\r\n{end}\r\nor type\r\n.\r\n");
        assert_eq!(token(&mail), Some(wanted));
        assert_eq!(token("Subject: x\r\n\r\nhttps://a.example/my-pledge/x\r\n"), None);
    }
}
