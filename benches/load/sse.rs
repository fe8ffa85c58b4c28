//! What the driver reads of a stream: the chunks of HTTP/1.1, the frames of Server-Sent Events in them, and of a frame
//! its total.

use std::io;

/// Puts frames together from what is read of a body that is sent in chunks (RFC 9112 section 7.1).
#[derive(Debug, Default)]
pub struct Frames {
    /// Bytes of the chunk under way that are still to come.
    left: usize,
    /// The line under way with the size of the next chunk.
    line: Vec<u8>,
    /// The frame under way.
    frame: Vec<u8>,
}

impl Frames {
    /// Takes what was read and gives every whole frame to `each`.
    ///
    /// # Errors
    /// When the chunks are none, and `UnexpectedEof` at the last one.
    pub fn take(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8])) -> io::Result<()> {
        while let Some(first) = bytes.first() {
            if self.left == 0 {
                bytes = bytes.get(1..).unwrap_or_default();
                self.line.push(*first);
                if *first == b'\n' {
                    self.left = self.next_size()?;
                }
                continue;
            }
            let (data, rest) = bytes.split_at(self.left.min(bytes.len()));
            self.left -= data.len();
            bytes = rest;
            self.frame.extend_from_slice(data);
            self.give(&mut each);
        }
        Ok(())
    }

    /// The line end behind a chunk looks like a line with no size.
    fn next_size(&mut self) -> io::Result<usize> {
        let line = std::mem::take(&mut self.line);
        let text = str::from_utf8(&line).map_err(|_| io::ErrorKind::InvalidData)?.trim_end();
        if text.is_empty() {
            return Ok(0);
        }
        match usize::from_str_radix(text, 16) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(size) => Ok(size),
            Err(_) => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn give(&mut self, each: &mut impl FnMut(&[u8])) {
        let mut given = 0;
        while let Some(rest) = self.frame.get(given..).filter(|rest| !rest.is_empty()) {
            let Some(end) = rest.windows(2).position(|two| two == b"\n\n") else { break };
            each(rest.get(..end).unwrap_or_default());
            given += end + 2;
        }
        self.frame.drain(..given);
    }
}

/// The total that a frame tells.
pub fn total(frame: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"\"total\":";
    let at = frame.windows(NAME.len()).position(|part| part == NAME)?;
    let digits = frame.get(at + NAME.len()..)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_however_they_are_cut() {
        let body = b"1c\r\nevent: totals\ndata: {\"total\"\r\n10\r\n:3000}\n\nid: 2\n\n:\r\n3\r\n x\n\r\n1\r\n\n\r\n";
        for size in 1..body.len() {
            let (mut frames, mut seen) = (Frames::default(), Vec::new());
            for part in body.chunks(size) {
                frames.take(part, |frame| seen.push(String::from_utf8(frame.to_vec()).unwrap())).unwrap();
            }
            assert_eq!(seen, ["event: totals\ndata: {\"total\":3000}", "id: 2", ": x"], "cut at {size}");
        }
    }

    #[test]
    fn the_last_chunk_is_an_end() {
        let end = Frames::default().take(b"0\r\n\r\n", |_| ()).unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
        assert!(Frames::default().take(b"no size\r\n", |_| ()).is_err());
    }

    #[test]
    fn a_total_is_read_and_nothing_else() {
        assert_eq!(total(b"data: {\"version\":7,\"total\":42,\"x\":1}"), Some(42));
        assert_eq!(total(b"event: heartbeat\ndata: {}"), None);
    }
}
