//! A reader of Server-Sent Events. Every event it receives must fit the document.

use std::{collections::VecDeque, time::Duration};

use reqwest::{
    Response,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;

use super::document;

/// How long a test waits for an event before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stream that is being read.
pub struct Events {
    response: Response,
    unread: String,
    waiting: VecDeque<Event>,
    /// What the server said of connecting again, in milliseconds.
    pub retry: Option<u64>,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: String,
    pub id: Option<String>,
    pub data: Value,
    /// As it came.
    pub text: String,
}

impl Event {
    /// The version that it tells of.
    pub fn version(&self) -> i64 {
        self.data["version"].as_i64().unwrap()
    }
}

impl Events {
    /// Whether an answer is a stream.
    pub fn are_in(response: &Response) -> bool {
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
    }

    pub fn of(response: Response) -> Self {
        assert!(Self::are_in(&response), "{:?}", response.headers());
        Self { response, unread: String::new(), waiting: VecDeque::new(), retry: None }
    }

    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next event; None at the end.
    pub async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("no event comes")
    }

    /// The next event that is no heartbeat.
    pub async fn news(&mut self) -> Event {
        loop {
            let event = self.next().await.expect("the stream ended");
            if event.kind != "heartbeat" {
                return event;
            }
        }
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            // An error is a stream that was cut off, which a stream of ours never is.
            let chunk = self.response.chunk().await.unwrap()?;
            self.unread.push_str(str::from_utf8(&chunk).unwrap());
            while let Some(end) = self.unread.find("\n\n") {
                let rest = self.unread.split_off(end + 2);
                let text = std::mem::replace(&mut self.unread, rest);
                self.take(&text);
            }
        }
    }

    fn take(&mut self, text: &str) {
        let (mut kind, mut id, mut data) = (None, None, None);
        for line in text.lines().filter(|line| !line.is_empty()) {
            match line.split_once(": ").unwrap() {
                ("retry", milliseconds) => self.retry = Some(milliseconds.parse().unwrap()),
                ("event", name) => kind = Some(name.to_owned()),
                ("id", name) => id = Some(name.to_owned()),
                ("data", json) => data = Some(serde_json::from_str(json).unwrap()),
                other => panic!("an unknown line {other:?}"),
            }
        }
        let Some(data) = data else { return };
        let event = Event { kind: kind.expect("every event has a kind"), id, data, text: text.to_owned() };
        document::check_event(&event.kind, &event.data);
        let expected = (event.kind != "heartbeat").then(|| event.version().to_string());
        assert_eq!(event.id, expected, "{text}");
        self.waiting.push_back(event);
    }
}
