//! The bench: a store in memory, a small registry and tokens; `doubles` stand in for other rooms.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arno_analytics::{Analytics, AnalyticsConfig};
use arno_api::{
    ApiConfig, ApiParts, ApiState, BookTokens, ChartSheet, ColumnSheet, KeptRegistry, LiveHub,
    ParameterSheet, ProductSheet, Questions, Wording, metric, router, router_as,
};
use arno_model::observation::time_type;
use arno_model::{PublisherId, Timestamp};
use arno_store::registry::{Files, RegistryKeeper};
use arno_store::testkit::{MemoryStore, TestClock};
use arno_store::token::TokenBook;
use arno_store::{Backend, Clock, Documents, Role};
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::doubles::{Doubles, Push, Ready, Site};

/// The bench's now.
pub(crate) const NOW: &str = "2026-05-01T08:20:00Z";
const PUBLISHERS: &str = r#"
[[publisher]]
id = "prato"
name = "Comune di Prato"
kind = "municipality"
municipality = "it-mun-100005"

[[publisher]]
id = "vaiano"
name = "Comune di Vaiano"
kind = "municipality"
"#;

/// A closed square ring.
fn square(west: f64, south: f64, size: f64) -> String {
    let (east, north) = (west + size, south + size);
    let ring = format!("[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}]");
    format!("{{\"type\":\"Polygon\",\"coordinates\":[[{ring},[{west},{south}]]]}}")
}

fn feature(properties: &str, geometry: &str) -> String {
    format!("{{\"type\":\"Feature\",\"properties\":{{{properties}}},\"geometry\":{geometry}}}")
}

fn collection(features: &[String]) -> String {
    format!(
        "{{\"type\":\"FeatureCollection\",\"features\":[{}]}}",
        features.join(",")
    )
}

/// The registry's files: two municipalities, a group, lots, a reserved bay, a closed lot, a
/// hotspot.
pub(crate) fn files() -> Files {
    let area = |id: &str, level: &str, more: &str, geometry: String| {
        let properties = format!("\"id\":\"{id}\",\"name\":\"{id}\",\"level\":\"{level}\"{more}");
        feature(&properties, &geometry)
    };
    let areas = collection(&[
        area("it-reg-09", "region", "", square(10.0, 43.0, 3.0)),
        area(
            "it-prov-100",
            "province",
            ",\"parents\":[\"it-reg-09\"]",
            square(11.0, 43.8, 0.5),
        ),
        area(
            "it-mun-100005",
            "municipality",
            ",\"parents\":[\"it-prov-100\"]",
            square(11.0, 43.8, 0.1),
        ),
        area(
            "it-mun-100006",
            "municipality",
            ",\"parents\":[\"it-prov-100\"]",
            square(11.1, 43.8, 0.1),
        ),
        area(
            "group-piana",
            "group",
            ",\"members\":[\"it-mun-100005\",\"it-mun-100006\"]",
            "null".to_owned(),
        ),
    ]);
    let thing = |publisher: &str, id: &str, kind: &str, more: &str, point: &str| {
        let point = format!("{{\"type\":\"Point\",\"coordinates\":[{point}]}}");
        let properties = format!(
            "\"publisher\":\"{publisher}\",\"id\":\"{id}\",\"name\":\"{id}\",\"kind\":\"{kind}\"{more}"
        );
        feature(&properties, &point)
    };
    let car = ",\"vehicle_kind\":\"car\"";
    let things = collection(&[
        thing(
            "prato",
            "lot-1",
            "parking_lot",
            &format!("{car},\"capacity\":100,\"properties\":[\"vehicles\"]"),
            "11.05,43.85",
        ),
        thing(
            "prato",
            "lot-1b",
            "parking_lot",
            &format!("{car},\"capacity\":50,\"properties\":[\"vehicles\"]"),
            "11.06,43.85",
        ),
        thing(
            "prato",
            "closed",
            "parking_lot",
            &format!("{car},\"capacity\":10,\"open\":false,\"properties\":[\"vehicles\"]"),
            "11.07,43.85",
        ),
        thing(
            "prato",
            "bay-h",
            "parking_bay",
            &format!("{car},\"reserved\":true,\"properties\":[\"occupied\"]"),
            "11.051,43.85",
        ),
        thing(
            "prato",
            "ap-1",
            "access_point",
            ",\"properties\":[\"clients\"],\"aliases\":[\"aa:bb:cc:dd:ee:ff\"]",
            "11.052,43.85",
        ),
        thing(
            "vaiano",
            "lot",
            "parking_lot",
            &format!("{car},\"capacity\":30,\"properties\":[\"free\"]"),
            "11.15,43.85",
        ),
    ]);
    Files {
        publishers: Some(PUBLISHERS.as_bytes().to_vec()),
        properties: None,
        areas: Some(areas.into_bytes()),
        things: Some(things.into_bytes()),
    }
}

/// The product of the bench.
pub(crate) fn sheet() -> ProductSheet {
    let wording = |text: &str| Wording {
        it: text.to_owned(),
        en: text.to_owned(),
    };
    let column = |name: &str, kind: &str, unit: Option<&str>| ColumnSheet {
        name: name.to_owned(),
        kind: kind.to_owned(),
        unit: unit.map(str::to_owned),
        title: wording(name),
    };
    let parameter = |name: &str| ParameterSheet {
        name: name.to_owned(),
        default: (name == "bucket").then(|| "1h".to_owned()),
        allowed: Vec::new(),
        description: wording(name),
    };
    let names = [
        "area",
        "level",
        "publisher",
        "thing",
        "from",
        "to",
        "bucket",
        "as_of",
    ];
    ProductSheet {
        id: "parking_occupancy".to_owned(),
        title: wording("Occupancy"),
        description: wording("How full car parks are"),
        levels: ["thing", "municipality", "province", "region", "group"]
            .map(str::to_owned)
            .to_vec(),
        buckets: ["15m", "1h", "1d", "1w", "1mo"].map(str::to_owned).to_vec(),
        columns: vec![
            column("area", "string", None),
            column("level", "string", None),
            column("bucket", "string", None),
            column("bucket_start", "time", None),
            column("name", "string", None),
            column("occupancy", "number", Some("1")),
            column("things", "integer", Some("1")),
            column("open", "boolean", None),
        ],
        parameters: names.map(parameter).to_vec(),
        chart: ChartSheet {
            kind: "line".to_owned(),
            x: "bucket_start".to_owned(),
            y: vec!["occupancy".to_owned()],
            series: None,
        },
        licence: "CC-BY-4.0".to_owned(),
        themes: vec!["TRAN".to_owned()],
    }
}

/// Rows of the product: odd texts, nulls, a number that needs all its digits.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("area", DataType::Utf8, false),
        Field::new("level", DataType::Utf8, false),
        Field::new("bucket", DataType::Utf8, false),
        Field::new("bucket_start", time_type(), false),
        Field::new("name", DataType::Utf8, true),
        Field::new("occupancy", DataType::Float64, true),
        Field::new("things", DataType::Int64, true),
        Field::new("open", DataType::Boolean, false),
    ]))
}

/// Rows `first..first + count` of the product.
pub(crate) fn rows(first: usize, count: usize) -> RecordBatch {
    let numbers = first..first + count;
    let areas = ["it-mun-100005", "it-mun-100006", "prato:lot-1"];
    let names = [Some("Prato; \"centro\",\nnord"), None, Some("")];
    let start = Timestamp::parse("2026-04-01T00:00:00Z").unwrap();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(
            numbers
                .clone()
                .map(|row| Some(areas[row % 3]))
                .collect::<StringArray>(),
        ),
        Arc::new(
            numbers
                .clone()
                .map(|_| Some("municipality"))
                .collect::<StringArray>(),
        ),
        Arc::new(numbers.clone().map(|_| Some("1h")).collect::<StringArray>()),
        Arc::new(
            numbers
                .clone()
                .map(|row| {
                    Some(
                        start
                            .plus_us(i64::try_from(row).unwrap() * 3_600_000_001)
                            .as_micros(),
                    )
                })
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("UTC"),
        ),
        Arc::new(
            numbers
                .clone()
                .map(|row| names[row % 3])
                .collect::<StringArray>(),
        ),
        Arc::new(
            numbers
                .clone()
                .map(|row| (row % 5 != 1).then(|| f64::from(u32::try_from(row).unwrap()) / 7.0))
                .collect::<Float64Array>(),
        ),
        Arc::new(
            numbers
                .clone()
                .map(|row| i64::try_from(row).ok())
                .collect::<Int64Array>(),
        ),
        Arc::new(
            numbers
                .map(|row| Some(row % 2 == 0))
                .collect::<BooleanArray>(),
        ),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

/// A whole face over memory.
pub(crate) struct Bench {
    pub(crate) state: ApiState,
    pub(crate) doubles: Arc<Doubles>,
    pub(crate) ready: Arc<Ready>,
    pub(crate) live: LiveHub,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) token: CancellationToken,
    /// A publisher's secret.
    pub(crate) publisher: String,
    /// An operator's secret.
    pub(crate) operator: String,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(ApiConfig::default()).await
    }

    /// Over doubles of the analyses.
    pub(crate) async fn with(config: ApiConfig) -> Self {
        Self::over(config, false).await
    }

    /// Over the real analyses.
    pub(crate) async fn real() -> Self {
        Self::over(ApiConfig::default(), true).await
    }

    async fn over(config: ApiConfig, is_real: bool) -> Self {
        let now = Timestamp::parse(NOW).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(TestClock::at(now));
        let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
        let documents: Arc<dyn Documents> = Arc::clone(&store) as _;
        let keeper = Arc::new(RegistryKeeper::load(Arc::clone(&documents)).await.unwrap());
        let applied = keeper.apply(files(), "bench", now).await;
        if let Err(arno_store::registry::RegistryError::Faults(report)) = &applied {
            panic!("{:#?}", report.lines().collect::<Vec<_>>());
        }
        applied.unwrap();
        let book = Arc::new(TokenBook::load(documents).await.unwrap());
        let prato = Role::Publisher(PublisherId::parse("prato").unwrap());
        let publisher = book
            .create(&prato, None, now)
            .await
            .unwrap()
            .secret
            .reveal()
            .to_owned();
        let operator = book
            .create(&Role::Operator, None, now)
            .await
            .unwrap()
            .secret
            .reveal()
            .to_owned();
        let doubles = Arc::new(Doubles::default());
        doubles.rows_count.store(10, Ordering::Release);
        let questions: Arc<dyn Questions> = if is_real {
            let backend: Arc<dyn Backend> = Arc::clone(&store) as _;
            let opened = Analytics::open(backend, keeper.subscribe(), AnalyticsConfig::default());
            Arc::new(opened.await.unwrap())
        } else {
            Arc::clone(&doubles) as _
        };
        let ready = Arc::new(Ready(true.into()));
        let (live, token) = (LiveHub::new(now), CancellationToken::new());
        let parts = ApiParts {
            config,
            backend: Arc::clone(&store) as _,
            questions,
            registry: Arc::new(KeptRegistry {
                keeper,
                clock: Arc::clone(&clock),
            }),
            push: Arc::new(Push),
            authority: Arc::clone(&book) as _,
            tokens: Arc::new(BookTokens { book, clock }),
            ready: Arc::clone(&ready) as _,
            pages: Arc::new(Site),
            live: live.clone(),
            metrics: Some(metric::recorder().unwrap().handle()),
            tracker: TaskTracker::new(),
            token: token.clone(),
        };
        let state = ApiState::build(parts).unwrap();
        Self {
            state,
            doubles,
            ready,
            live,
            store,
            token,
            publisher,
            operator,
        }
    }

    /// The router for the network.
    pub(crate) fn router(&self) -> Router {
        router(self.state.clone())
    }

    /// Asks anonymously.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    /// Asks as an operator, as over the control socket.
    pub(crate) async fn operate(&self, method: &str, path: &str, body: &str) -> Reply {
        let router = router_as(self.state.clone(), Role::Operator);
        let headers = [("content-type", "application/json")];
        Reply::read(
            router
                .oneshot(request(method, path, &headers, body))
                .await
                .unwrap(),
        )
        .await
    }

    /// Sends any request over the network's router.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let response = self
            .router()
            .oneshot(request(method, path, headers, body))
            .await
            .unwrap();
        Reply::read(response).await
    }
}

pub(crate) fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request<Body> {
    let mut builder = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "arno.test");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::from(body.to_owned())).unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body broke off.
    pub(crate) is_broken: bool,
}

impl Reply {
    pub(crate) async fn read(response: axum::response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let mut whole = Vec::new();
        let mut is_broken = false;
        let mut body: Pin<Box<dyn Stream<Item = _> + Send>> = Box::pin(body.into_data_stream());
        while let Some(piece) = body.next().await {
            match piece {
                Ok(bytes) => whole.extend_from_slice(&bytes),
                Err(_) => is_broken = true,
            }
        }
        Self {
            status: parts.status,
            headers: parts.headers,
            body: whole.into(),
            is_broken,
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// Reads pieces of a body until `enough`.
pub(crate) async fn read_until(body: &mut Body, enough: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    while !enough(&text) {
        let piece = tokio::time::timeout(std::time::Duration::from_secs(10), body.frame());
        let Some(frame) = piece
            .await
            .unwrap_or_else(|_| panic!("waited in vain after: {text}"))
        else {
            break;
        };
        text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
    }
    text
}
