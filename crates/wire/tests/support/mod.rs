//! What the tests of the models share.

use serde_json::Value;
use usher_wire::Timestamp;

/// Panics unless every member of `before` is still there in `after`: the same value, the same instant, or
/// `UNKNOWN` for a text outside an enumeration. `null` members and those named `x-...` may go.
pub(crate) fn assert_kept(path: &str, before: &Value, after: &Value) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in
                before.iter().filter(|(name, value)| !name.starts_with("x-") && !value.is_null())
            {
                let kept = after.get(name).unwrap_or_else(|| panic!("{path}.{name} was lost"));
                assert_kept(&format!("{path}.{name}"), value, kept);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            assert_eq!(before.len(), after.len(), "length of {path}");
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                assert_kept(&format!("{path}[{index}]"), before, after);
            }
        }
        (before, after) if before == after => {}
        (Value::String(_), Value::String(after)) if after == "UNKNOWN" => {}
        (before, after) => {
            let instant = |value: &Value| serde_json::from_value::<Timestamp>(value.clone());
            match (instant(before), instant(after)) {
                (Ok(before), Ok(after)) if before == after => {}
                _ => panic!("{path}: {before} became {after}"),
            }
        }
    }
}
