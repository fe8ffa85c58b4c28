//! Makes a bundle, piece by piece: nothing is kept but its key and what was counted.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Counts, FIRST_LINE, Frame, Header, SecondLine, place};
use crate::{
    crypto::{CryptoError, Key},
    sealing::recipients::{self, Recipient},
};

/// Makes a bundle.
#[derive(Debug)]
pub struct Writer {
    bundle: Uuid,
    key: Key,
    number: u64,
    counts: Counts,
    text: Zeroizing<Vec<u8>>,
}

impl Writer {
    /// Appends the first two lines to `out`. The bundle can be opened by `recipients`, whom the header should name.
    ///
    /// # Errors
    /// When it can't be sealed, also when there is no recipient.
    pub fn begin(header: &Header, recipients: &[Recipient], out: &mut String) -> Result<Self, CryptoError> {
        let failed = |_| CryptoError::DoesNotSeal;
        let key = Key::random()?;
        let text = Zeroizing::new([header.place().map_err(failed)?.as_slice(), key.expose()].concat());
        let wrapped = STANDARD_NO_PAD.encode(recipients::wrap(&text, recipients)?);
        let second = SecondLine { about: header.clone(), key: wrapped };
        let second = serde_json::to_string(&second).map_err(failed)?;
        writeln!(out, "{FIRST_LINE}\n{second}").map_err(|_| CryptoError::DoesNotSeal)?;
        Ok(Self { bundle: header.bundle, key, number: 0, counts: Counts::default(), text: Zeroizing::default() })
    }

    /// Appends a frame to `out`, sealed.
    ///
    /// # Errors
    /// When it can't be sealed.
    pub fn write(&mut self, frame: &Frame, out: &mut String) -> Result<(), CryptoError> {
        match frame {
            Frame::Epoch(_) => self.counts.epochs += 1,
            Frame::Pledge(_) => self.counts.pledges += 1,
            Frame::Gone(_) => self.counts.gone += 1,
            Frame::End(_) => {}
        }
        self.number += 1;
        frame.write(&mut self.text)?;
        let sealed = self.key.seal(&self.text, &place(self.bundle, self.number))?;
        write!(out, "{} ", self.number).map_err(|_| CryptoError::DoesNotSeal)?;
        STANDARD_NO_PAD.encode_string(sealed, out);
        out.push('\n');
        Ok(())
    }

    /// Appends the end to `out`: nothing may follow.
    ///
    /// # Errors
    /// When it can't be sealed.
    pub fn end(&mut self, without_record: u64, out: &mut String) -> Result<(), CryptoError> {
        self.counts.without_record = without_record;
        self.write(&Frame::End(self.counts), out)
    }

    /// How much was written so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}
