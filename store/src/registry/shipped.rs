//! The observed properties that every Arno knows, with or without a registry.

use std::sync::{Arc, LazyLock};

use arno_model::ObservedProperty;

use super::check::Lines;
use super::fault::Faults;
use super::files;

/// The file, in the format of `properties.toml`.
const SHIPPED: &str = include_str!("shipped.toml");

static PROPERTIES: LazyLock<Vec<Arc<ObservedProperty>>> = LazyLock::new(|| {
    let mut faults = Faults::default();
    let read = files::read_properties(SHIPPED, &mut Lines::default(), &mut faults);
    debug_assert_eq!(
        faults.finish(),
        Ok(Vec::new()),
        "a test holds the shipped file faultless"
    );
    read.into_values().map(Arc::new).collect()
});

/// The shipped properties, by name: `occupied`, `vehicles`, `free`, `capacity`, `online`, `clients`
/// and some more.
pub fn shipped_properties() -> &'static [Arc<ObservedProperty>] {
    &PROPERTIES
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use arno_model::{AreaMode, SignalKind};

    use super::*;

    #[test]
    fn the_holds_are_those_of_the_law() {
        let property = |name: &str| {
            let found = shipped_properties()
                .iter()
                .find(|property| property.id.as_str() == name);
            Arc::clone(found.unwrap())
        };
        let hours = |hours: u64| Some(Duration::from_hours(hours));
        assert_eq!(property("occupied").max_hold, hours(24));
        assert_eq!(property("vehicles").max_hold, hours(2));
        assert_eq!(property("free").max_hold, hours(2));
        assert_eq!(property("clients").max_hold, Some(Duration::from_mins(30)));
        assert_eq!(
            (property("capacity").max_hold, property("online").max_hold),
            (None, None)
        );
        assert!(property("clients").counts_people && !property("vehicles").counts_people);
        assert_eq!(property("clients").area_mode, AreaMode::Sum);
        assert_eq!(property("bytes_down").signal, SignalKind::Counter);
    }
}
