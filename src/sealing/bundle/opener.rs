//! Opens a bundle and the records in it, one after the other: what is kept is a key for each epoch.

use std::{collections::HashMap, io::BufRead};

use uuid::Uuid;

use super::{
    About, BadBundle, Counts, Damage, Frame, Gone, Header, SealedEpoch, SealedPledge, What,
    reader::{Item, Reader},
};
use crate::sealing::{
    recipients::Identity,
    record::{Epoch, Record, epoch_of},
};

/// What is found in a bundle.
#[derive(Debug)]
pub enum Found {
    /// A pledge.
    Pledge(Box<Pledge>),
    /// A pledge that an earlier bundle may have had.
    Gone(Gone),
    /// Something wrong. What follows is found all the same.
    Damage(Damage),
}

/// A pledge, open.
#[derive(Debug)]
pub struct Pledge {
    /// What the row says in clear. Its consents are what counts.
    pub about: About,
    /// What was sealed.
    pub record: Record,
}

/// The key of an epoch, as far as it could be opened.
enum Held {
    Open(Epoch),
    /// It is wrapped to these.
    Shut(Vec<String>),
}

/// A bundle that is being opened.
pub struct Opener<R> {
    reader: Reader<R>,
    identities: Vec<Identity>,
    epochs: HashMap<Uuid, Held>,
    last: Option<Uuid>,
}

impl<R: BufRead> Opener<R> {
    /// Opens what it is and its key, with whichever identity fits.
    ///
    /// # Errors
    /// See [`BadBundle`]; then nothing of it can be opened.
    pub fn begin(input: R, identities: Vec<Identity>) -> Result<Self, BadBundle> {
        Ok(Self { reader: Reader::begin(input, &identities)?, identities, epochs: HashMap::new(), last: None })
    }

    /// What it is.
    pub fn header(&self) -> &Header {
        &self.reader.header
    }

    /// What it says to have, once its end was reached.
    pub fn end(&self) -> Option<Counts> {
        self.reader.end()
    }

    /// The next thing in it; None: that was all.
    ///
    /// # Errors
    /// When the input can't be read further.
    pub fn find(&mut self) -> std::io::Result<Option<Found>> {
        while let Some(item) = self.reader.next()? {
            let found = match item {
                Item::Wrong(line, what) => {
                    let after = self.last.filter(|_| what == What::Line);
                    Some(Found::Damage(Damage { line, pledge: None, after, what }))
                }
                Item::Frame(line, Frame::Pledge(pledge)) => Some(self.open(line, pledge)),
                Item::Frame(_, Frame::Gone(gone)) => Some(Found::Gone(gone)),
                Item::Frame(_, Frame::Epoch(epoch)) => {
                    self.hold(epoch);
                    None
                }
                Item::Frame(_, Frame::End(_)) => None,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn hold(&mut self, sealed: SealedEpoch) {
        // Each comes twice.
        if self.epochs.contains_key(&sealed.id) {
            return;
        }
        let campaign = self.reader.header.campaign.id;
        let opened = Epoch::unwrap(sealed.id, campaign, &sealed.wrapped_key, &self.identities);
        let held = opened.map_or(Held::Shut(sealed.recipients), Held::Open);
        self.epochs.insert(sealed.id, held);
    }

    fn open(&mut self, line: u64, sealed: SealedPledge) -> Found {
        let id = sealed.about.id;
        self.last = Some(id);
        match self.record(id, &sealed.record) {
            Ok(record) => Found::Pledge(Box::new(Pledge { about: sealed.about, record })),
            Err(what) => Found::Damage(Damage { line: Some(line), pledge: Some(id), after: None, what }),
        }
    }

    fn record(&self, pledge: Uuid, sealed: &[u8]) -> Result<Record, What> {
        let epoch = epoch_of(sealed).map_err(|_| What::Record)?;
        match self.epochs.get(&epoch) {
            Some(Held::Open(epoch)) => epoch.open(pledge, sealed).map_err(|_| What::Record),
            Some(Held::Shut(recipients)) => Err(What::OtherIdentity(recipients.clone())),
            None => Err(What::NoEpoch),
        }
    }
}
