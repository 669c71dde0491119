//! Layers of settings: defaults, file, environment and flags come in as tables, one table goes out.
//!
//! # Why
//! Every setting has one name in the file (`ingest.payload_bytes_max`), one in the environment
//! (`ARNO_INGEST__PAYLOAD_BYTES_MAX`), and an unknown one must be named, not ignored.
//!
//! # Limits
//! The environment sets scalars and arrays, not tables within arrays (`[[brokers]]` has the flag
//! `--broker` and the file).

use toml::{Table, Value};

/// Variables with this prefix are settings.
pub const ENV_PREFIX: &str = "ARNO_";
/// Variables with these prefixes belong to tests, or name the configuration file itself.
const ENV_RESERVED: [&str; 2] = ["ARNO_TEST_", "ARNO_E2E_"];

/// Lays `upper` over `lower`, table by table; arrays and scalars are replaced whole.
pub fn lay(lower: &mut Table, upper: Table) {
    for (key, value) in upper {
        match (lower.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay(below, above),
            (_, value) => {
                lower.insert(key, value);
            }
        }
    }
}

/// The settings among environment variables, as a table.
pub fn from_environment(variables: impl Iterator<Item = (String, String)>) -> Table {
    let mut table = Table::new();
    for (name, text) in variables {
        let Some(path) = name.strip_prefix(ENV_PREFIX) else {
            continue;
        };
        let is_reserved = ENV_RESERVED.iter().any(|prefix| name.starts_with(prefix));
        if is_reserved || path == "CONFIG" {
            continue;
        }
        let keys: Vec<String> = path.to_lowercase().split("__").map(str::to_owned).collect();
        insert(&mut table, &keys, scalar(&text));
    }
    table
}

fn insert(table: &mut Table, keys: &[String], value: Value) {
    match keys {
        [] => {}
        [last] => {
            table.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let below = table
                .entry(first.clone())
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(below) = below {
                insert(below, rest, value);
            }
        }
    }
}

/// Numbers, booleans and arrays as TOML reads them, all else as text.
fn scalar(text: &str) -> Value {
    let as_toml = format!("value = {text}").parse::<Table>().ok();
    let value = as_toml.and_then(|mut table| table.remove("value"));
    match value {
        Some(
            value @ (Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Array(_)),
        ) => value,
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn the_environment_names_nested_settings_and_keeps_text_as_text() {
        let variables = [
            ("ARNO_HTTP", "127.0.0.1:0"),
            ("ARNO_STORE__FLUSH_ROWS", "10"),
            ("ARNO_TEST_SEED", "1"),
            ("PATH", "/bin"),
        ];
        let owned = variables.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let table = from_environment(owned.into_iter());
        assert_eq!(table["http"].as_str(), Some("127.0.0.1:0"));
        assert_eq!(table["store"]["flush_rows"].as_integer(), Some(10));
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn upper_layers_win() {
        let mut lower = table("http = 'a'\n[store]\nflush_rows = 1\nage = 's'");
        lay(&mut lower, table("[store]\nflush_rows = 2"));
        assert_eq!(lower["store"]["flush_rows"].as_integer(), Some(2));
        assert_eq!(lower["store"]["age"].as_str(), Some("s"));
    }
}
