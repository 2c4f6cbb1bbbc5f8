//! Spellings of instants.

use proptest::prelude::*;
use serde_json::{Value, json};
use usher_wire::{GroupedTimestamp, Timestamp};

fn read(value: &Value) -> Result<String, String> {
    serde_json::from_str::<Timestamp>(&value.to_string())
        .map(|timestamp| timestamp.to_string())
        .map_err(|error| error.to_string())
}

#[test]
fn every_accepted_spelling() {
    for (spelling, expected) in [
        (json!("2025-01-02T03:04:05Z"), "2025-01-02T03:04:05.000Z"),
        (json!("2025-01-02T03:04:05.6Z"), "2025-01-02T03:04:05.600Z"),
        (json!("2025-01-02T03:04:05.678Z"), "2025-01-02T03:04:05.678Z"),
        (json!("2025-01-02T03:04:05.678000+00:00"), "2025-01-02T03:04:05.678Z"),
        (json!("2025-01-02T03:04:05.678999999Z"), "2025-01-02T03:04:05.678Z"),
        (json!("2025-01-02T03:04:05.67800000000000000000000000000001Z"), "2025-01-02T03:04:05.678Z"),
        (json!("2025-01-02t03:04:05z"), "2025-01-02T03:04:05.000Z"),
        (json!("2025-01-02T03:04:05+05:30"), "2025-01-01T21:34:05.000Z"),
        (json!("2025-01-02T03:04:05-05:30"), "2025-01-02T08:34:05.000Z"),
        (json!("2025-01-02T03:04:05"), "2025-01-02T03:04:05.000Z"),
        (json!("2025-01-02 03:04:05.678"), "2025-01-02T03:04:05.678Z"),
        (json!("2025-01-02 03:04:05+01:00"), "2025-01-02T02:04:05.000Z"),
        (json!("2025-01-02"), "2025-01-02T00:00:00.000Z"),
        (json!("2024-02-29"), "2024-02-29T00:00:00.000Z"),
        (json!("2016-12-31T23:59:60Z"), "2016-12-31T23:59:59.000Z"),
        (json!("1969-12-31T23:59:59.999999Z"), "1969-12-31T23:59:59.999Z"),
        (json!("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00.000Z"),
        (json!(0), "1970-01-01T00:00:00.000Z"),
        (json!(-1), "1969-12-31T23:59:59.000Z"),
        (json!(1735787045), "2025-01-02T03:04:05.000Z"),
        (json!(1735787045.678), "2025-01-02T03:04:05.678Z"),
        (json!(1735787045678_i64), "2025-01-02T03:04:05.678Z"),
        (json!(1735787045678.9), "2025-01-02T03:04:05.678Z"),
        (json!(20000000000_i64), "2603-10-11T11:33:20.000Z"),
        (json!(20000000001_i64), "1970-08-20T11:33:20.001Z"),
        (json!("1735787045"), "2025-01-02T03:04:05.000Z"),
        (json!("1735787045678"), "2025-01-02T03:04:05.678Z"),
        (json!("1735787045.678"), "2025-01-02T03:04:05.678Z"),
        (json!("-1"), "1969-12-31T23:59:59.000Z"),
    ] {
        assert_eq!(read(&spelling).as_deref(), Ok(expected), "{spelling}");
    }
}

#[test]
fn anything_else_is_refused_with_a_reason() {
    for spelling in [
        "",
        " ",
        "now",
        "-",
        "+1",
        ".",
        "1.",
        ".5",
        "1e9",
        "0x10",
        "2025-1-2",
        "2025-01",
        "2025-01-02T",
        "2025-01-02T03",
        "2025-01-02T03:04",
        "2025-01-02T03:04Z",
        "2025-01-02T03:04:05.",
        "2025-01-02T03:04:05.Z",
        "2025-01-02T03:04:05,678Z",
        "2025-01-02T03:04:05 Z",
        "2025-01-02T03:04:05ZZ",
        "2025-01-02T03:04:05+0100",
        "2025-01-02T03:04:05+24:00",
        "2025-01-02T03:04:05+01:60",
        "2025-01-02T24:00:00Z",
        "2025-01-02T03:60:00Z",
        "2025-01-02T03:04:61Z",
        "2025-02-29",
        "2025-13-01",
        "2025-00-10",
        "2025-01-02Z",
        "2025-01-02T03:04:05[UTC]",
        " 2025-01-02",
        "2025-01-02 ",
        "٢٠٢٥-01-02",
        "2025-01-02T03:04:05é",
        "10000-01-01",
    ] {
        let error = read(&json!(spelling)).expect_err(spelling);
        assert!(error.contains("not a timestamp"), "{spelling}: {error}");
    }
    for spelling in [
        json!("0000-12-31T23:59:59Z"),
        json!("0001-01-01T00:00:00+00:01"),
        json!("9999-12-31T23:59:59Z"),
        json!("9".repeat(400)),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!(-1e300),
        json!(f64::MAX),
    ] {
        let error = read(&spelling).expect_err("out of range");
        assert!(error.contains("out of range"), "{spelling}: {error}");
    }
    for value in [json!(null), json!(true), json!({}), json!([])] {
        let error = read(&value).expect_err("wrong type");
        assert!(error.contains("invalid type"), "{value}: {error}");
    }
}

#[test]
fn construction_truncates_and_clamps() {
    let new = |text: &str| Timestamp::new(text.parse().unwrap()).to_string();
    assert_eq!(new("2025-01-02T03:04:05.678999Z"), "2025-01-02T03:04:05.678Z");
    assert_eq!(new("1969-12-31T23:59:59.9995Z"), "1969-12-31T23:59:59.999Z");
    assert_eq!(Timestamp::new(jiff::Timestamp::MIN).to_string(), "0001-01-01T00:00:00.000Z");
    assert_eq!(Timestamp::new(jiff::Timestamp::MAX).to_string(), "9999-12-30T22:00:00.999Z");
    let early = Timestamp::new(jiff::Timestamp::from_nanosecond(-1).unwrap());
    assert_eq!(early.to_string(), "1969-12-31T23:59:59.999Z");
    assert!(early < Timestamp::from_millis(0).unwrap());
}

#[test]
fn grouped_timestamps_carry_the_instant() {
    let instant: Timestamp = "2025-01-02T03:04:05.678Z".parse().unwrap();
    let grouped = GroupedTimestamp::from(instant);
    assert_eq!(serde_json::to_value(&grouped).unwrap(), json!({"value": "2025-01-02T03:04:05.678Z"}));
    assert_eq!(Timestamp::from(grouped), instant);
}

proptest! {
    #[test]
    fn no_text_panics(text in ".*") {
        let _ = text.parse::<Timestamp>();
    }

    #[test]
    fn nothing_like_a_timestamp_panics(text in "-?[0-9]{0,5}-?[0-9]{0,3}-[0-9]{1,2}[Tt ]?[0-9:.+Zz-]{0,24}") {
        let _ = text.parse::<Timestamp>();
    }

    #[test]
    fn no_number_panics(integer: i64, unsigned: u64, float: f64) {
        for number in [json!(integer), json!(unsigned), json!(float)] {
            let _ = read(&number);
        }
    }

    #[test]
    fn what_is_written_is_read_back(seconds in -62_135_596_800..253_402_207_200_i64, nanos in 0..1_000_000_000_i32) {
        let written = Timestamp::new(jiff::Timestamp::new(seconds, nanos).unwrap_or(jiff::Timestamp::UNIX_EPOCH));
        let text = written.to_string();
        prop_assert_eq!(text.len(), 24);
        prop_assert_eq!(text.parse::<Timestamp>(), Ok(written));
        prop_assert_eq!(Timestamp::from_millis(written.as_millis()), Ok(written));
    }
}
