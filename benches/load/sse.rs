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
