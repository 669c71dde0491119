//! Payloads say what the rows say, and lines go where they should. Play against a real broker is
//! tested in `tests/it`.

use std::sync::Arc;

use arno_model::{AreaId, Location, Zone};

use super::*;
use crate::generator::{Chunk, Row};
use crate::municipality::Municipality;
use crate::region::{Region, RegionConfig};

fn region(towns_count: u32) -> Region {
    let towns: Vec<Municipality> = (0..towns_count)
        .map(|index| Municipality {
            id: AreaId::parse(&format!("it-mun-{index:06}")).unwrap(),
            name: format!("Town {index}"),
            population: 1_000,
            polygons: Vec::new(),
            centre: Some(Location {
                lon: 11.1,
                lat: 43.9,
            }),
            zone: Zone::UTC,
        })
        .collect();
    Region::build(RegionConfig::default(), &towns).unwrap()
}

fn row(thing: u32, property: Property, time_s: i64, result: Option<f64>) -> Row {
    Row {
        received: Timestamp::from_micros(time_s * 1_000_000 + 500_000),
        thing,
        property,
        time: Timestamp::from_micros(time_s * 1_000_000),
        result,
    }
}

fn texts(region: &Region, rows: Vec<Row>) -> Vec<String> {
    let range = arno_model::TimeRange::ALL;
    let garbage = Vec::new();
    let chunk = Chunk {
        range,
        rows,
        garbage,
    };
    let messages = messages_of(region, &chunk).into_iter();
    messages
        .map(|message| String::from_utf8(message.payload).unwrap())
        .collect()
}

#[test]
fn rows_of_a_moment_share_an_object_and_of_several_an_array() {
    let region = region(3);
    let time_s = 1_777_622_400;
    let lot = vec![
        row(3, Property::Vehicles, time_s, Some(12.0)),
        row(3, Property::Online, time_s, Some(1.0)),
    ];
    assert_eq!(
        texts(&region, lot),
        [r#"{"time":"2026-05-01T08:00:00Z","vehicles":12,"online":true}"#]
    );
    let twice = vec![
        row(68, Property::Vehicles, time_s, None),
        row(68, Property::Vehicles, time_s, None),
    ];
    assert_eq!(
        texts(&region, twice),
        [r#"[{"time":1777622400000,"vehicles":null},{"time":1777622400000,"vehicles":null}]"#]
    );
    let bay = vec![row(140, Property::Occupied, time_s, Some(0.0))];
    assert_eq!(texts(&region, bay), [r#"{"time":1777622400,"occupied":0}"#]);
}

#[test]
fn towns_have_lines_and_access_points_what_is_left() {
    let region = region(3);
    let broker = Broker::parse("mqtt://localhost").unwrap();
    let lines = Lines::plan(&region, &broker, 8);
    assert_eq!(lines.len(), 8);
    assert!((0..3).all(|line| !lines.is_own(line)) && (3..8).all(|line| lines.is_own(line)));
    assert_eq!(
        (lines.of_thing(0), lines.of_thing(65), lines.of_thing(194)),
        (0, 1, 2)
    );
    assert_eq!(lines.of_thing(55), 3, "the first town's first access point");
    assert_eq!(lines.of_thing(56), 6, "and its second");
    assert_eq!(Lines::plan(&region, &broker, 2).of_thing(194), 0, "shared");
}

#[tokio::test]
async fn impossible_numbers_of_connections_are_refused() {
    let live = Live {
        generator: Generator::new(Arc::new(region(1)), Timestamp::from_micros(0)),
        broker: Broker::parse("mqtt://localhost").unwrap(),
        connections_count_max: 0,
        now: Arc::new(|| Timestamp::from_micros(0)),
        on_acknowledged: None,
    };
    let played = live.run(Arc::default(), CancellationToken::new()).await;
    assert!(matches!(played, Err(SimulatorError::Setting { .. })));
}
