//! Amounts of bytes and of time as people write them: `16GiB`, `500MB`, `1h30m`, `30d`.

use std::time::Duration;

/// The units of bytes: powers of 1000 as the SI has them, powers of 1024 with an `i`, bare bytes.
const BYTES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1000),
    ("MB", 1000_u64.pow(2)),
    ("GB", 1000_u64.pow(3)),
    ("TB", 1000_u64.pow(4)),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// The units of time, longest first: a longer one may not follow a shorter one.
const SECONDS: &[(&str, u64)] = &[("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

/// A century: a moment that long after now must still be one.
const MOST_SECONDS: u64 = 100 * 366 * 86_400;

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QuantityFault {
    /// No digits where a number belongs.
    #[error("a number is missing")]
    NoNumber,
    /// A number without a unit: minutes or seconds, MB or GiB?
    #[error("the unit is missing")]
    NoUnit,
    /// A unit that is none.
    #[error("the unit is not one of {0}")]
    UnknownUnit(&'static str),
    /// `5m1h`, `1h2h`.
    #[error("longer units come first, each once")]
    Order,
    /// Nothing, however written.
    #[error("it is nothing")]
    Zero,
    /// More than can be counted.
    #[error("it is too much")]
    TooMuch,
}

/// An amount of bytes, more than none. Upper and lower case are one; so that `Gb` cannot be meant as bits, the `B`
/// may not be left out.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, QuantityFault> {
    let (number, rest) = number(text)?;
    let unit = rest.trim_start_matches(' ');
    if unit.is_empty() {
        return Err(QuantityFault::NoUnit);
    }
    let known = BYTES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let (_, each) = known.ok_or(QuantityFault::UnknownUnit("B, kB, MB, GB, TB, KiB, MiB, GiB, TiB"))?;
    match number.checked_mul(*each).ok_or(QuantityFault::TooMuch)? {
        0 => Err(QuantityFault::Zero),
        bytes => Ok(bytes),
    }
}

/// A length of time, more than none, in whole seconds: `90s`, `1h30m`.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, QuantityFault> {
    let (mut rest, mut units, mut seconds) = (text, SECONDS, 0_u64);
    loop {
        let (number, after) = number(rest)?;
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, following) = after.split_at(end);
        if unit.is_empty() {
            return Err(QuantityFault::NoUnit);
        }
        if !SECONDS.iter().any(|(name, _)| *name == unit) {
            return Err(QuantityFault::UnknownUnit("d, h, m, s"));
        }
        let at = units.iter().position(|(name, _)| *name == unit).ok_or(QuantityFault::Order)?;
        seconds = number
            .checked_mul(units[at].1)
            .and_then(|more| seconds.checked_add(more))
            .ok_or(QuantityFault::TooMuch)?;
        (rest, units) = (following, &units[at + 1..]);
        if rest.is_empty() {
            break;
        }
    }
    match seconds {
        0 => Err(QuantityFault::Zero),
        MOST_SECONDS.. => Err(QuantityFault::TooMuch),
        _ => Ok(Duration::from_secs(seconds)),
    }
}

/// Bytes as people read them: three digits at least, no more than one after the point.
#[must_use]
pub(crate) fn bytes_text(bytes: u64) -> String {
    let units = [("TiB", 1_u64 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, each)| bytes >= *each) {
        None => format!("{bytes} B"),
        Some((unit, each)) => {
            // 128 bits: ten times a u64 may be more than one holds.
            let tenths = u128::from(bytes) * 10 / u128::from(each);
            if tenths >= 1000 {
                format!("{} {unit}", tenths / 10)
            } else {
                format!("{}.{} {unit}", tenths / 10, tenths % 10)
            }
        }
    }
}

/// A length of time as people read it: the largest unit that it has one of, and no other.
#[must_use]
pub(crate) fn duration_text(length: Duration) -> String {
    let seconds = length.as_secs();
    let units = [("d", 86_400), ("h", 3600), ("min", 60)];
    match units.into_iter().find(|(_, each)| seconds >= *each) {
        None => format!("{seconds} s"),
        Some((unit, each)) => format!("{} {unit}", seconds / each),
    }
}

/// The digits in front, and what follows them.
fn number(text: &str) -> Result<(u64, &str), QuantityFault> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return Err(QuantityFault::NoNumber);
    }
    digits.parse().map(|number| (number, rest)).map_err(|_| QuantityFault::TooMuch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_have_units() {
        assert_eq!(parse_bytes("16GiB"), Ok(16 << 30));
        assert_eq!(parse_bytes("500 mb"), Ok(500_000_000));
        assert_eq!(parse_bytes("1B"), Ok(1));
        assert_eq!(parse_bytes("16"), Err(QuantityFault::NoUnit));
        assert_eq!(parse_bytes("GiB"), Err(QuantityFault::NoNumber));
        assert_eq!(parse_bytes(""), Err(QuantityFault::NoNumber));
        assert_eq!(parse_bytes("-1GiB"), Err(QuantityFault::NoNumber));
        assert_eq!(parse_bytes("0MB"), Err(QuantityFault::Zero));
        assert_eq!(parse_bytes("99999999999TiB"), Err(QuantityFault::TooMuch));
        assert_eq!(parse_bytes("99999999999999999999B"), Err(QuantityFault::TooMuch));
        for wrong in ["1G", "1.5GiB", "1GiBB", "1 Gi B"] {
            assert!(matches!(parse_bytes(wrong), Err(QuantityFault::UnknownUnit(_))), "{wrong}");
        }
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("30m"), Ok(Duration::from_mins(30)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(parse_duration("30d"), Ok(Duration::from_hours(720)));
        assert_eq!(parse_duration("1d1s"), Ok(Duration::from_secs(86_401)));
        assert_eq!(parse_duration("30"), Err(QuantityFault::NoUnit));
        assert_eq!(parse_duration("1h30"), Err(QuantityFault::NoUnit));
        assert_eq!(parse_duration("m"), Err(QuantityFault::NoNumber));
        assert_eq!(parse_duration(""), Err(QuantityFault::NoNumber));
        assert_eq!(parse_duration("1.5h"), Err(QuantityFault::NoUnit));
        assert_eq!(parse_duration("5m1h"), Err(QuantityFault::Order));
        assert_eq!(parse_duration("1h1h"), Err(QuantityFault::Order));
        assert_eq!(parse_duration("0s"), Err(QuantityFault::Zero));
        assert_eq!(parse_duration("99999999d"), Err(QuantityFault::TooMuch));
        assert_eq!(parse_duration("99999999999999999d"), Err(QuantityFault::TooMuch));
        assert!(matches!(parse_duration("5min"), Err(QuantityFault::UnknownUnit(_))));
    }

    #[test]
    fn bytes_are_shown_short() {
        let shown = [0, 1023, 1024, 1536, 5 << 20, 150 << 20, 10 << 30, u64::MAX].map(bytes_text);
        let expected = ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 MiB", "150 MiB", "10.0 GiB"];
        assert_eq!(shown[..7], expected);
        assert_eq!(shown[7], "16777215 TiB");
    }

    #[test]
    fn durations_are_shown_short() {
        let shown =
            [0, 59, 60, 7300, 86_399, 200_000].map(|seconds| duration_text(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0 s", "59 s", "1 min", "2 h", "23 h", "2 d"]);
    }

    proptest! {
        #![proptest_config(crate::base::testing::properties(500))]

        #[test]
        fn no_text_is_too_odd(text in ".{0,12}", number in 1_u64..5000, unit in 0..4_usize) {
            let _ = (parse_bytes(&text), parse_duration(&text));
            let written = format!("{number}{}", SECONDS[unit].0);
            prop_assert_eq!(parse_duration(&written), Ok(Duration::from_secs(number * SECONDS[unit].1)));
        }
    }
}
