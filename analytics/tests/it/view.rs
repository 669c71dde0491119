//! Who sees what: nothing hidden comes out of any table.

use arno_store::Role;

use crate::world::{Said, World, first, full, publisher};

const SAID: &[Said<'_>] = &[
    ("prato:lot-1", "vehicles", "2026-05-01T08:00:00Z", 50.0),
    ("vinci:lot-3", "vehicles", "2026-05-01T08:00:00Z", 5.0),
    ("vinci:lot-4", "vehicles", "2026-05-01T08:00:00Z", 20.0),
    ("prato:bay-1", "occupied", "2026-05-01T08:00:00Z", 1.0),
    ("prato:bay-r", "occupied", "2026-05-01T08:00:00Z", 1.0),
    ("prato:ap-1", "clients", "2026-05-01T08:00:00Z", 30.0),
    ("vinci:ap-3", "clients", "2026-05-01T08:00:00Z", 40.0),
];

const SINCE: &str =
    "bucket_start >= '2026-05-01T08:00:00Z' AND bucket_start < '2026-05-01T08:15:00Z'";

async fn world() -> World {
    let world = World::new(full(), "2026-05-01T10:00:00Z").await;
    world.say(SAID).await;
    world
}

async fn seen(world: &World, role: &Role, query: &str) -> Vec<String> {
    first(&world.rows(role, query).await)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn the_public_sees_open_things_and_nothing_about_people() {
    let world = world().await;
    let role = Role::Anonymous;
    let open = ["prato:bay-1", "prato:lot-1", "vinci:lot-3"];
    for query in [
        "SELECT DISTINCT thing FROM observations ORDER BY 1".to_owned(),
        "SELECT DISTINCT thing FROM state_intervals WHERE property IN ('vehicles', 'occupied', 'clients') ORDER BY 1".to_owned(),
        "SELECT DISTINCT thing FROM datastreams ORDER BY 1".to_owned(),
    ] {
        assert_eq!(seen(&world, &role, &query).await, open, "{query}");
    }
    let rollups =
        format!("SELECT DISTINCT thing FROM rollups WHERE {SINCE} AND readings > 0 ORDER BY 1");
    assert_eq!(seen(&world, &role, &rollups).await, open);
    let things = format!(
        "SELECT DISTINCT area FROM area_rollups WHERE level = 'thing' AND measure = 'parking' AND {SINCE} AND load_integral > 0 ORDER BY 1"
    );
    assert_eq!(seen(&world, &role, &things).await, open);
    let clients = format!(
        "SELECT area FROM area_rollups WHERE level = 'region' AND measure = 'clients' AND {SINCE}"
    );
    assert!(seen(&world, &role, &clients).await.is_empty());
    let registry = "SELECT id FROM things WHERE id IN ('vinci:lot-4', 'prato:bay-r', 'prato:ap-1')";
    assert_eq!(seen(&world, &role, registry).await, ["prato:ap-1"]);
    let moment = "SELECT thing FROM moments WHERE measure = 'clients'";
    assert!(seen(&world, &role, moment).await.is_empty());
    let moment = "SELECT thing FROM moments WHERE value IS NOT NULL ORDER BY thing";
    assert_eq!(
        seen(&world, &role, moment).await,
        open,
        "two hours old: just within its hold"
    );
}

#[tokio::test]
async fn asking_for_a_hidden_thing_by_name_gives_nothing() {
    let world = world().await;
    for role in [Role::Anonymous, publisher("vinci")] {
        for hidden in ["prato:bay-r", "prato:ap-1"] {
            for query in [
                format!("SELECT thing FROM observations WHERE thing = '{hidden}'"),
                format!("SELECT thing FROM state_intervals WHERE thing = '{hidden}'"),
                format!(
                    "SELECT thing FROM rollups WHERE thing = '{hidden}' AND property IN ('occupied', 'clients') AND {SINCE}"
                ),
                format!(
                    "SELECT area FROM cells WHERE level = 'thing' AND area = '{hidden}' AND {SINCE}"
                ),
                format!(
                    "SELECT area FROM area_rollups WHERE level = 'thing' AND area = '{hidden}' AND measure IN ('clients', 'occupied') AND {SINCE}"
                ),
            ] {
                let rows = seen(&world, &role, &query).await;
                assert!(rows.is_empty(), "{role:?}: {query}: {rows:?}");
            }
        }
        let within = format!(
            "SELECT area FROM area_rollups WHERE level = 'thing' AND within = 'prato:bay-r' AND {SINCE}"
        );
        assert!(
            world.ask(&role, &within).await.is_err(),
            "as if it did not exist"
        );
    }
}

#[tokio::test]
async fn a_publisher_sees_all_of_its_own_and_the_public_of_others() {
    let world = world().await;
    let role = publisher("vinci");
    let query = "SELECT DISTINCT thing FROM observations ORDER BY 1";
    let expected = [
        "prato:bay-1",
        "prato:lot-1",
        "vinci:ap-3",
        "vinci:lot-3",
        "vinci:lot-4",
    ];
    assert_eq!(seen(&world, &role, query).await, expected);
    let query = format!(
        "SELECT DISTINCT thing FROM rollups WHERE property = 'clients' AND {SINCE} AND readings > 0"
    );
    assert_eq!(seen(&world, &role, &query).await, ["vinci:ap-3"]);
    let query = "SELECT DISTINCT thing FROM state_intervals WHERE property = 'clients'";
    assert_eq!(seen(&world, &role, query).await, ["vinci:ap-3"]);
    let load = |area: &str| {
        format!(
            "SELECT load_integral / 900000000 FROM area_rollups WHERE measure = 'parking' AND area = '{area}' AND {SINCE}"
        )
    };
    assert_eq!(
        seen(&world, &role, &load("it-mun-3")).await,
        ["25"],
        "its closed lot counts for it"
    );
    assert_eq!(
        seen(&world, &Role::Anonymous, &load("it-mun-3")).await,
        ["5"]
    );
    assert_eq!(
        seen(&world, &role, &load("it-mun-2")).await,
        ["1"],
        "not the reserved bay of another"
    );
    assert_eq!(
        seen(&world, &publisher("prato"), &load("it-mun-2")).await,
        ["2"]
    );
    assert_eq!(
        seen(&world, &Role::Operator, &load("it-mun-3")).await,
        ["25"]
    );
}

#[tokio::test]
async fn an_operator_sees_everything() {
    let world = world().await;
    let query = "SELECT count(DISTINCT thing) FROM observations";
    assert_eq!(seen(&world, &Role::Operator, query).await, ["7"]);
    let query = format!(
        "SELECT peak FROM area_rollups WHERE level = 'region' AND measure = 'clients' AND {SINCE}"
    );
    assert_eq!(seen(&world, &Role::Operator, &query).await, ["70.0"]);
}
