//! What stands in the lines of a bundle, and how it is written down before it is sealed: a byte for the kind, then the
//! fields one after the other, numbers big-endian, texts and bytes behind their length. Padded, so that the length of a
//! line tells little of what is in it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{country::Country, crypto::CryptoError};

/// What a frame is padded to a multiple of, in bytes.
const PADDING: usize = 64;

/// The length of a text that isn't there.
const NONE: u16 = u16::MAX;

/// One item of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A key that records are sealed under.
    Epoch(SealedEpoch),
    /// A pledge.
    Pledge(SealedPledge),
    /// A pledge that an earlier bundle may have had and this one has not.
    Gone(Gone),
    /// The end.
    End(Counts),
}

/// A key that records are sealed under, wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedEpoch {
    /// UUIDv7.
    pub id: Uuid,
    /// The public keys that it is wrapped to.
    pub recipients: Vec<String>,
    /// As it is stored.
    pub wrapped_key: Vec<u8>,
}

/// A pledge and its record, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPledge {
    /// What the row says in clear.
    pub about: About,
    /// Sealed for this row under the key of an epoch.
    pub record: Vec<u8>,
}

/// What a row says in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The row.
    pub id: Uuid,
    /// Where from.
    pub country: Country,
    /// BCP 47 tag of the form.
    pub language: Option<String>,
    /// Which page.
    pub source: Option<String>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When it was counted first.
    pub counted_at: DateTime<Utc>,
    /// What is allowed now. The record has what was allowed when pledging, which may have been taken back since.
    pub consents: Consents,
}

/// Versions of the consent texts agreed to; None: not allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consents {
    /// The organiser may write.
    pub updates: Option<i16>,
    /// The partner may write.
    pub partner: Option<i16>,
    /// Name and message may be shown.
    pub public: Option<i16>,
}

/// A pledge that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The row.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// How.
    pub why: Why,
}

/// How a pledge is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its personal parts were erased.
    Erased,
    /// A moderator took it out.
    Removed,
    /// The supporter took it back, or what was allowed.
    Withdrawn,
}

impl Why {
    const ALL: [Self; 3] = [Self::Erased, Self::Removed, Self::Withdrawn];

    /// As it is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::Removed => "removed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// From what is told.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.as_str() == text)
    }

    fn number(self) -> u8 {
        match self {
            Self::Erased => 1,
            Self::Removed => 2,
            Self::Withdrawn => 3,
        }
    }
}

/// How much a bundle has of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Keys, each copy.
    pub epochs: u64,
    /// Pledges with their record.
    pub pledges: u64,
    /// Pledges that are gone.
    pub gone: u64,
    /// Pledges that are counted but have no record, and so are not in the bundle.
    pub without_record: u64,
}

impl Frame {
    /// Writes it down.
    ///
    /// # Errors
    /// [`CryptoError::DoesNotSeal`] when a part is longer than it can be.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), CryptoError> {
        out.clear();
        match self {
            Self::Epoch(epoch) => {
                out.push(1);
                out.extend_from_slice(epoch.id.as_bytes());
                out.push(u8::try_from(epoch.recipients.len()).map_err(|_| CryptoError::DoesNotSeal)?);
                for recipient in &epoch.recipients {
                    text(out, Some(recipient))?;
                }
                bytes(out, &epoch.wrapped_key)?;
            }
            Self::Pledge(SealedPledge { about, record }) => {
                out.push(2);
                out.extend_from_slice(about.id.as_bytes());
                out.extend_from_slice(about.country.as_str().as_bytes());
                text(out, about.language.as_deref())?;
                text(out, about.source.as_deref())?;
                time(out, about.created_at);
                time(out, about.counted_at);
                for version in [about.consents.updates, about.consents.partner, about.consents.public] {
                    out.push(u8::from(version.is_some()));
                    out.extend_from_slice(&version.unwrap_or(0).to_be_bytes());
                }
                bytes(out, record)?;
            }
            Self::Gone(gone) => {
                out.push(3);
                out.extend_from_slice(gone.id.as_bytes());
                time(out, gone.at);
                out.push(gone.why.number());
            }
            Self::End(counts) => {
                out.push(4);
                for count in [counts.epochs, counts.pledges, counts.gone, counts.without_record] {
                    out.extend_from_slice(&count.to_be_bytes());
                }
            }
        }
        out.resize(out.len().next_multiple_of(PADDING), 0);
        Ok(())
    }

    /// Reads what [`Self::write`] wrote. None: something else.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let (kind, rest) = text.split_first()?;
        let mut rest = Rest(rest);
        let frame = match kind {
            1 => {
                let (id, count) = (rest.id()?, rest.array::<1>()?);
                let recipients = (0..count[0]).map(|_| rest.text().flatten()).collect::<Option<_>>()?;
                Self::Epoch(SealedEpoch { id, recipients, wrapped_key: rest.bytes()? })
            }
            2 => {
                let about = About {
                    id: rest.id()?,
                    country: str::from_utf8(&rest.array::<2>()?).ok()?.parse().ok()?,
                    language: rest.text()?,
                    source: rest.text()?,
                    created_at: rest.time()?,
                    counted_at: rest.time()?,
                    consents: Consents { updates: rest.version()?, partner: rest.version()?, public: rest.version()? },
                };
                Self::Pledge(SealedPledge { about, record: rest.bytes()? })
            }
            3 => {
                let (id, at, why) = (rest.id()?, rest.time()?, rest.array::<1>()?);
                let why = Why::ALL.into_iter().find(|known| known.number() == why[0])?;
                Self::Gone(Gone { id, at, why })
            }
            4 => Self::End(Counts {
                epochs: rest.number()?,
                pledges: rest.number()?,
                gone: rest.number()?,
                without_record: rest.number()?,
            }),
            _ => return None,
        };
        rest.0.iter().all(|byte| *byte == 0).then_some(frame)
    }
}

fn text(out: &mut Vec<u8>, text: Option<&str>) -> Result<(), CryptoError> {
    let text = text.map(str::as_bytes);
    let length = text.map_or(Some(NONE), |text| u16::try_from(text.len()).ok().filter(|length| *length != NONE));
    out.extend_from_slice(&length.ok_or(CryptoError::DoesNotSeal)?.to_be_bytes());
    out.extend_from_slice(text.unwrap_or_default());
    Ok(())
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), CryptoError> {
    let length = u32::try_from(bytes.len()).map_err(|_| CryptoError::DoesNotSeal)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn time(out: &mut Vec<u8>, time: DateTime<Utc>) {
    out.extend_from_slice(&time.timestamp_micros().to_be_bytes());
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn id(&mut self) -> Option<Uuid> {
        self.array().map(Uuid::from_bytes)
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn time(&mut self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(i64::from_be_bytes(self.array()?))
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = u32::from_be_bytes(self.array()?);
        self.take(usize::try_from(length).ok()?).map(<[u8]>::to_vec)
    }

    /// The outer None: something else; the inner one: a text that isn't there.
    #[expect(clippy::option_option, reason = "one is an error, the other a value")]
    fn text(&mut self) -> Option<Option<String>> {
        let length = u16::from_be_bytes(self.array()?);
        if length == NONE {
            return Some(None);
        }
        let text = self.take(length.into())?;
        str::from_utf8(text).ok().map(|text| Some(text.to_owned()))
    }

    #[expect(clippy::option_option, reason = "one is an error, the other a value")]
    fn version(&mut self) -> Option<Option<i16>> {
        let [there, high, low] = self.array()?;
        match there {
            0 => Some(None),
            1 => Some(Some(i16::from_be_bytes([high, low]))),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times() -> impl Strategy<Value = DateTime<Utc>> {
        (-1_000_000_000_000_000i64..4_000_000_000_000_000)
            .prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
    }

    fn ids() -> impl Strategy<Value = Uuid> {
        any::<u128>().prop_map(Uuid::from_u128)
    }

    pub(in crate::sealing::bundle) fn abouts() -> impl Strategy<Value = About> {
        let countries: Vec<Country> = Country::all().collect();
        let consents = (any::<Option<i16>>(), any::<Option<i16>>(), any::<Option<i16>>())
            .prop_map(|(updates, partner, public)| Consents { updates, partner, public });
        let country = proptest::sample::select(countries);
        (ids(), country, any::<Option<String>>(), any::<Option<String>>(), times(), times(), consents).prop_map(
            |(id, country, language, source, created_at, counted_at, consents)| About {
                id,
                country,
                language,
                source,
                created_at,
                counted_at,
                consents,
            },
        )
    }

    fn frames() -> impl Strategy<Value = Frame> {
        let some_bytes = || proptest::collection::vec(any::<u8>(), 0..600);
        let texts = proptest::collection::vec(any::<String>(), 0..4);
        prop_oneof![
            (ids(), texts, some_bytes()).prop_map(|(id, recipients, wrapped_key)| Frame::Epoch(SealedEpoch {
                id,
                recipients,
                wrapped_key
            })),
            (abouts(), some_bytes()).prop_map(|(about, record)| Frame::Pledge(SealedPledge { about, record })),
            (ids(), times(), proptest::sample::select(Why::ALL.to_vec())).prop_map(|(id, at, why)| Frame::Gone(Gone {
                id,
                at,
                why
            })),
            any::<[u64; 4]>().prop_map(|[epochs, pledges, gone, without_record]| Frame::End(Counts {
                epochs,
                pledges,
                gone,
                without_record
            })),
        ]
    }

    proptest! {
        #[test]
        fn a_frame_is_read_as_it_was_written(frame in frames()) {
            let mut text = vec![9; 7];
            frame.write(&mut text).unwrap();
            prop_assert_eq!(text.len() % PADDING, 0);
            prop_assert_eq!(Frame::read(&text), Some(frame));
        }

        #[test]
        fn anything_else_is_no_frame_and_no_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Frame::read(&text);
        }
    }

    #[test]
    fn what_is_cut_off_or_goes_on_is_no_frame() {
        let mut text = Vec::new();
        Frame::Gone(Gone { id: Uuid::from_u128(1), at: DateTime::UNIX_EPOCH, why: Why::Removed })
            .write(&mut text)
            .unwrap();
        assert!(Frame::read(&text).is_some());
        assert_eq!(Frame::read(&text[..20]), None);
        *text.last_mut().unwrap() = 1;
        assert_eq!(Frame::read(&text), None);
        assert!(Why::ALL.iter().all(|why| Why::parse(why.as_str()) == Some(*why)));
    }
}
