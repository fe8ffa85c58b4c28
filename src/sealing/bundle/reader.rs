//! Reads the lines of a bundle and opens its frames, whatever is wrong with some of them.

use std::{
    collections::VecDeque,
    io::{BufRead, Read},
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use zeroize::Zeroizing;

use super::{
    BadBundle, Counts, FIRST_LINE, Frame, Header, SecondLine, What,
    numbers::{Numbers, Seen},
    place,
};
use crate::{
    crypto::Key,
    sealing::recipients::{self, Identity},
};

/// Bytes that a line has at the most; longer ones are passed over without being kept.
const MAX_LINE: usize = 1 << 20;

/// What a line turned out to be.
#[derive(Debug)]
pub(super) enum Item {
    /// A frame, in this line.
    Frame(u64, Frame),
    /// Something wrong, in this line; None: of the bundle as a whole.
    Wrong(Option<u64>, What),
}

/// A bundle that is being read.
pub(super) struct Reader<R> {
    input: R,
    line: u64,
    buffer: Vec<u8>,
    pub(super) header: Header,
    key: Key,
    numbers: Numbers,
    seen: Counts,
    end: Option<Counts>,
    wrong: bool,
    ready: VecDeque<Item>,
    done: bool,
}

enum Line {
    Whole,
    TooLong,
    None,
}

/// Reads on to the end of the line, or [`MAX_LINE`] bytes. Whether there was anything, and whether the line ended.
fn read_part(input: &mut impl BufRead, buffer: &mut Vec<u8>) -> std::io::Result<(bool, bool)> {
    buffer.clear();
    let read = input.by_ref().take(MAX_LINE as u64).read_until(b'\n', buffer)?;
    Ok((read > 0, read < MAX_LINE || buffer.last() == Some(&b'\n')))
}

/// Reads a line into `buffer`, without its end.
fn read_line(input: &mut impl BufRead, buffer: &mut Vec<u8>) -> std::io::Result<Line> {
    let (there, ended) = read_part(input, buffer)?;
    if !there {
        return Ok(Line::None);
    }
    if !ended {
        while read_part(input, buffer)? == (true, false) {}
        return Ok(Line::TooLong);
    }
    while matches!(buffer.last(), Some(b'\n' | b'\r')) {
        buffer.pop();
    }
    Ok(Line::Whole)
}

impl<R: BufRead> Reader<R> {
    /// Reads the first two lines.
    pub(super) fn begin(mut input: R, identities: &[Identity]) -> Result<Self, BadBundle> {
        let mut buffer = Vec::new();
        let first = read_line(&mut input, &mut buffer)?;
        if !matches!(first, Line::Whole) || buffer != FIRST_LINE.as_bytes() {
            return Err(BadBundle::NoBundle);
        }
        let second = read_line(&mut input, &mut buffer)?;
        if !matches!(second, Line::Whole) {
            return Err(BadBundle::Header);
        }
        let SecondLine { about: header, key } = serde_json::from_slice(&buffer).map_err(|_| BadBundle::Header)?;
        let wrapped = STANDARD_NO_PAD.decode(key).map_err(|_| BadBundle::Header)?;
        let Ok(text) = recipients::unwrap(&wrapped, identities) else {
            return Err(BadBundle::OtherIdentity(header.recipients));
        };
        let place = header.place().map_err(|_| BadBundle::Header)?;
        let key = text.strip_prefix(place.as_slice()).and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = Key::from_bytes(Zeroizing::new(key.ok_or(BadBundle::Header)?));
        Ok(Self {
            input,
            line: 2,
            buffer,
            header,
            key,
            numbers: Numbers::new(),
            seen: Counts::default(),
            end: None,
            wrong: false,
            ready: VecDeque::new(),
            done: false,
        })
    }

    /// The counts that stand at the end, once it was reached.
    pub(super) fn end(&self) -> Option<Counts> {
        self.end
    }

    /// The next item; None: there is nothing more.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Item>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            if self.done {
                return Ok(None);
            }
            self.line += 1;
            let mut buffer = std::mem::take(&mut self.buffer);
            match read_line(&mut self.input, &mut buffer)? {
                Line::Whole => self.take(&buffer),
                Line::TooLong => self.complain(What::TooLong),
                Line::None => self.finish(),
            }
            self.buffer = buffer;
        }
    }

    fn complain(&mut self, what: What) {
        self.wrong = true;
        self.ready.push_back(Item::Wrong(Some(self.line), what));
    }

    /// Opens a line, or two that have become one.
    fn take(&mut self, line: &[u8]) {
        let said = split(line).0;
        if let Some((number, frame)) = self.open(line) {
            if said != Some(number) {
                self.complain(What::Number);
            }
            return self.opened(number, frame);
        }
        if let Some(halves) = self.halves(line) {
            self.complain(What::LineEnd);
            for (number, frame) in halves {
                self.opened(number, frame);
            }
            return;
        }
        if let Some(number) = said {
            self.numbers.did_not_open(number);
        }
        self.complain(What::Line);
    }

    /// The number and frame of a line: under the number that it says, or else the one that it should have.
    fn open(&self, line: &[u8]) -> Option<(u64, Frame)> {
        let (said, sealed) = split(line);
        let sealed = STANDARD_NO_PAD.decode(sealed).ok()?;
        let next = self.numbers.next();
        let numbers = said.into_iter().chain((said != Some(next)).then_some(next));
        numbers.into_iter().find_map(|number| {
            let text = self.key.open(&sealed, &place(self.header.bundle, number)).ok()?;
            Some((number, Frame::read(&text)?))
        })
    }

    /// Two lines between which the end of the first was damaged: the second begins with the number after the first's.
    fn halves(&self, line: &[u8]) -> Option<[(u64, Frame); 2]> {
        let begin = format!("{} ", split(line).0?.checked_add(1)?);
        let at = line.windows(begin.len()).rposition(|part| part == begin.as_bytes())?;
        let (first, second) = (line.get(..at.checked_sub(1)?)?, line.get(at..)?);
        Some([self.open(first)?, self.open(second)?])
    }

    fn opened(&mut self, number: u64, frame: Frame) {
        match self.numbers.opened(number) {
            Seen::InPlace => {}
            Seen::Late => self.complain(What::OutOfPlace),
            Seen::Before => return self.complain(What::Twice),
        }
        match &frame {
            Frame::Epoch(_) => self.seen.epochs += 1,
            Frame::Pledge(_) => self.seen.pledges += 1,
            Frame::Gone(_) => self.seen.gone += 1,
            Frame::End(counts) => self.end = Some(*counts),
        }
        self.ready.push_back(Item::Frame(self.line, frame));
    }

    /// What only shows at the end.
    fn finish(&mut self) {
        self.done = true;
        let mut wrong: Vec<What> = self.numbers.missing().map(|(from, to)| What::Missing(from, to)).collect();
        if self.numbers.forgotten() > 0 {
            wrong.push(What::MoreMissing(self.numbers.forgotten()));
        }
        match self.end {
            None => wrong.push(What::CutOff),
            Some(end) => {
                let expected = Counts { without_record: 0, ..end };
                if !self.wrong && wrong.is_empty() && expected != self.seen {
                    wrong.push(What::Counts);
                }
            }
        }
        self.ready.extend(wrong.into_iter().map(|what| Item::Wrong(None, what)));
    }
}

/// The number that a line says, and the rest of it.
fn split(line: &[u8]) -> (Option<u64>, &[u8]) {
    let space = line.iter().position(|byte| *byte == b' ');
    match space.and_then(|at| line.split_at_checked(at)) {
        Some((number, rest)) => {
            let number = str::from_utf8(number).ok().and_then(|number| number.parse().ok());
            (number, rest.get(1..).unwrap_or_default())
        }
        None => (None, line),
    }
}
