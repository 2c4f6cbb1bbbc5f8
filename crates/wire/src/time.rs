//! Instants on the wire: read in every spelling clients use, written in one. Nothing here reads the
//! clock.

use crate::EmbeddedModelSchema;
use jiff::civil;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_with::skip_serializing_none;
use std::{borrow::Cow, fmt, str::FromStr};
use utoipa::{
    ToSchema,
    openapi::{
        RefOr,
        schema::{AnyOfBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type},
    },
};

/// The first millisecond of year 1, in milliseconds since the epoch.
const FIRST: i64 = -62_135_596_800_000;
/// A larger magnitude of a bare number is in milliseconds, a smaller one in seconds.
const SECONDS_LIMIT: u128 = 20_000_000_000;

/// An instant in whole milliseconds, within the years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

/// Why a text or a number is not a [`Timestamp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// The text follows none of the accepted spellings.
    #[error("not a timestamp: expected RFC 3339, a date, or seconds or milliseconds since the epoch")]
    Spelling,
    /// The instant lies outside the years 1 to 9999 (the last two days of which are not covered).
    #[error("timestamp out of range: expected 0001-01-01 to 9999-12-30")]
    Range,
}

impl Timestamp {
    /// Drops what is finer than a millisecond; an instant before year 1 becomes its first millisecond.
    pub fn new(instant: jiff::Timestamp) -> Self {
        // Rounds down, where `as_millisecond` rounds towards the epoch.
        let millis = i64::try_from(instant.as_nanosecond().div_euclid(1_000_000)).unwrap_or(FIRST).max(FIRST);
        Self(jiff::Timestamp::from_millisecond(millis).unwrap_or(instant))
    }

    /// The instant this many milliseconds after (or before) the epoch.
    ///
    /// # Errors
    /// When the instant lies outside the years 1 to 9999.
    pub fn from_millis(millis: i64) -> Result<Self, TimestampError> {
        if millis < FIRST {
            return Err(TimestampError::Range);
        }
        jiff::Timestamp::from_millisecond(millis).map(Self).map_err(|_| TimestampError::Range)
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The instant as the calendar library has it.
    pub fn instant(self) -> jiff::Timestamp {
        self.0
    }

    /// A bare number, given in microseconds of its own unit.
    fn from_number(micros: i128) -> Result<Self, TimestampError> {
        let millis = if micros.unsigned_abs() > SECONDS_LIMIT * 1_000_000 {
            micros.div_euclid(1_000_000)
        } else {
            micros.div_euclid(1_000)
        };
        i64::try_from(millis).map_err(|_| TimestampError::Range).and_then(Self::from_millis)
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(instant: jiff::Timestamp) -> Self {
        Self::new(instant)
    }
}

impl From<Timestamp> for jiff::Timestamp {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        match decimal(text) {
            Some(micros) => Self::from_number(micros?),
            None => Self::from_millis(calendar(text.as_bytes())?),
        }
    }
}

/// Digits with an optional sign and fraction, times a million; `None` for any other text.
fn decimal(text: &str) -> Option<Result<i128, TimestampError>> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let Ok(whole) = whole.parse::<i64>() else { return Some(Err(TimestampError::Range)) };
    let fraction = fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(6)
        .fold(0, |sum, byte| sum * 10 + i128::from(byte - b'0'));
    let micros = i128::from(whole) * 1_000_000 + fraction;
    Some(Ok(if negative { -micros } else { micros }))
}

/// A date, or a date and a time with an optional offset, in milliseconds since the epoch.
fn calendar(text: &[u8]) -> Result<i64, TimestampError> {
    let mut cursor = Cursor(text);
    let (year, month, day) = (cursor.number(4)?, cursor.after(b"-")?, cursor.after(b"-")?);
    let mut time = (0, 0, 0);
    let mut millis = 0;
    let mut offset = 0;
    if !cursor.0.is_empty() {
        time = (cursor.after(b"Tt ")?, cursor.after(b":")?, cursor.after(b":")?);
        if cursor.take(b".").is_some() {
            millis = cursor.fraction()?;
        }
        offset = cursor.offset()?;
    }
    if year == 0 {
        return Err(TimestampError::Range);
    }
    let (hour, minute, second) = time;
    // A leap second counts as the last ordinary one, as everywhere else on this clock.
    let second = if second == 60 { 59 } else { second };
    let part = |value: i64| i8::try_from(value).map_err(|_| TimestampError::Spelling);
    let year = i16::try_from(year).map_err(|_| TimestampError::Spelling)?;
    let date = civil::Date::new(year, part(month)?, part(day)?).map_err(|_| TimestampError::Spelling)?;
    let clock = civil::Time::new(part(hour)?, part(minute)?, part(second)?, 0)
        .map_err(|_| TimestampError::Spelling)?;
    let days = date.since(civil::date(1970, 1, 1)).map_err(|_| TimestampError::Range)?.get_days();
    let seconds =
        i64::from(clock.hour()) * 3_600 + i64::from(clock.minute()) * 60 + i64::from(clock.second());
    Ok((i64::from(days) * 86_400 + seconds - offset) * 1_000 + millis)
}

/// What is left of a text being read.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    /// Consumes one byte if it is among those given.
    fn take(&mut self, among: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        among.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    /// Exactly this many digits.
    fn number(&mut self, digits: usize) -> Result<i64, TimestampError> {
        (0..digits).try_fold(0, |sum, _| {
            let digit = self.take(b"0123456789").ok_or(TimestampError::Spelling)?;
            Ok(sum * 10 + i64::from(digit - b'0'))
        })
    }

    /// Two digits after one of these separators.
    fn after(&mut self, separators: &[u8]) -> Result<i64, TimestampError> {
        self.take(separators).ok_or(TimestampError::Spelling)?;
        self.number(2)
    }

    /// Any number of fraction digits, in milliseconds.
    fn fraction(&mut self) -> Result<i64, TimestampError> {
        let mut millis = self.number(1)? * 100;
        let mut unit = 10;
        while let Some(digit) = self.take(b"0123456789") {
            millis += i64::from(digit - b'0') * unit;
            unit /= 10;
        }
        Ok(millis)
    }

    /// The rest of the text as an offset in seconds; nothing means UTC.
    fn offset(&mut self) -> Result<i64, TimestampError> {
        let seconds = match self.take(b"Zz+-") {
            Some(sign @ (b'+' | b'-')) => {
                let (hours, minutes) = (self.number(2)?, self.after(b":")?);
                if hours > 23 || minutes > 59 {
                    return Err(TimestampError::Spelling);
                }
                (hours * 3_600 + minutes * 60) * if sign == b'-' { -1 } else { 1 }
            }
            _ => 0,
        };
        if self.0.is_empty() { Ok(seconds) } else { Err(TimestampError::Spelling) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimestampVisitor)
    }
}

/// Reads a text or a number as an instant.
struct TimestampVisitor;

impl de::Visitor<'_> for TimestampVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 timestamp, or seconds or milliseconds since the epoch")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Timestamp, E> {
        Timestamp::from_number(i128::from(number) * 1_000_000).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Timestamp, E> {
        Timestamp::from_number(i128::from(number) * 1_000_000).map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Timestamp, E> {
        if number.is_nan() {
            return Err(E::custom(TimestampError::Spelling));
        }
        // The cast saturates, and a value that saturates is far out of range.
        Timestamp::from_number((number * 1e6).round() as i128).map_err(E::custom)
    }
}

impl utoipa::PartialSchema for Timestamp {
    /// A date-time as text; clients that send seconds or milliseconds since 1970 are understood.
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        // The first and the last instant of the range, in milliseconds.
        let number = ObjectBuilder::new()
            .schema_type(Type::Number)
            .minimum(Some(-62_135_596_800_000_i64))
            .maximum(Some(253_402_207_200_000_i64));
        AnyOfBuilder::new().item(text).item(number).into()
    }
}

impl ToSchema for Timestamp {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Timestamp")
    }
}

/// An instant with an optional text for people.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GroupedTimestamp {
    /// The instant as free text.
    pub readable: Option<String>,
    /// The instant itself.
    pub value: Timestamp,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

impl From<Timestamp> for GroupedTimestamp {
    fn from(value: Timestamp) -> Self {
        Self { readable: None, value, schema: None }
    }
}

impl From<jiff::Timestamp> for GroupedTimestamp {
    fn from(instant: jiff::Timestamp) -> Self {
        Timestamp::new(instant).into()
    }
}

impl From<GroupedTimestamp> for Timestamp {
    fn from(grouped: GroupedTimestamp) -> Self {
        grouped.value
    }
}

impl From<&GroupedTimestamp> for Timestamp {
    fn from(grouped: &GroupedTimestamp) -> Self {
        grouped.value
    }
}
