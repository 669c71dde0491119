//! Live play against a real broker: everything acknowledged was published, and it stops in time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arno_model::Timestamp;
use arno_model::time::HOUR_US;
use arno_simulators::live::{Broker, LiveCounters, LiveReport};
use arno_simulators::{FaultRates, Generator, Live};
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, QoS};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::mosquitto::Mosquitto;
use crate::region;

type Seen = Arc<Mutex<HashMap<(String, Vec<u8>), u32>>>;

/// The day of play; only its passing is real.
const DAY: &str = "2026-05-04T10:00:00Z";

fn clock() -> impl Fn() -> Timestamp + Send + Sync {
    let (start, begun) = (Timestamp::parse(DAY).unwrap(), Instant::now());
    move || start.plus_us(i64::try_from(begun.elapsed().as_micros()).unwrap())
}

fn live(port: u16, faults: FaultRates, acknowledged: Option<Seen>) -> Live {
    let origin = Timestamp::parse(DAY).unwrap().plus_us(-3 * HOUR_US);
    let mut generator = Generator::new(region(3, faults), origin);
    generator.set_pace(2.0).unwrap();
    Live {
        generator,
        broker: Broker::parse(&format!("mqtt://127.0.0.1:{port}")).unwrap(),
        connections_count_max: 20,
        now: Arc::new(clock()),
        on_acknowledged: acknowledged.map(|seen| {
            let hear = move |message: &arno_simulators::live::Message| {
                let key = (message.topic.clone(), message.payload.clone());
                *seen.lock().unwrap().entry(key).or_insert(0) += 1;
            };
            Arc::new(hear) as Arc<dyn Fn(&arno_simulators::live::Message) + Send + Sync>
        }),
    }
}

/// Waits until the counters say so.
async fn until(counters: &LiveCounters, what: &str, done: impl Fn(&LiveReport) -> bool + Sync) {
    let waited = timeout(Duration::from_mins(1), async {
        while !done(&counters.report()) {
            sleep(Duration::from_millis(20)).await;
        }
    });
    let in_time = waited.await.is_ok();
    assert!(in_time, "{what}: {:?}", counters.report());
}

/// Collects everything that is published, until dropped.
async fn listen(port: u16, seen: Seen, token: CancellationToken) {
    let mut options = MqttOptions::new("listener", "127.0.0.1", port);
    options.set_inflight(1_000);
    let (client, mut event_loop) = AsyncClient::new(options, 10);
    client
        .subscribe("arno/v1/obs/#", QoS::AtLeastOnce)
        .await
        .unwrap();
    while !token.is_cancelled() {
        if let Event::Incoming(Incoming::Publish(publish)) = event_loop.poll().await.unwrap() {
            let key = (publish.topic, publish.payload.to_vec());
            *seen.lock().unwrap().entry(key).or_insert(0) += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_was_published_and_wills_are_sent() {
    let Some(mosquitto) = Mosquitto::start() else {
        return;
    };
    let faults = FaultRates {
        outages_per_day: 20.0,
        ..FaultRates::default()
    };
    let (acknowledged, heard) = (Seen::default(), Seen::default());
    let token = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(listen(mosquitto.port, Arc::clone(&heard), token.clone()));
    sleep(Duration::from_millis(300)).await;
    let counters = Arc::new(LiveCounters::default());
    let play = live(mosquitto.port, faults, Some(Arc::clone(&acknowledged)));
    let played = {
        let (counters, stop) = (Arc::clone(&counters), token.child_token());
        let playing = play.run(Arc::clone(&counters), stop.clone());
        let watching = async {
            let enough = |report: &LiveReport| report.acknowledged > 3_000 && report.breaks > 5;
            until(&counters, "no play", enough).await;
            let begun = Instant::now();
            stop.cancel();
            begun
        };
        let (played, stopped) = tokio::join!(playing, watching);
        assert!(
            stopped.elapsed() < Duration::from_secs(4),
            "{:?}",
            stopped.elapsed()
        );
        played.unwrap()
    };
    assert_eq!(played.connected, 0);
    let acknowledged = acknowledged.lock().unwrap().clone();
    let missing = || {
        let heard = heard.lock().unwrap();
        let short = acknowledged
            .iter()
            .filter(|(key, count)| heard.get(*key).is_none_or(|heard| heard < *count));
        short.count()
    };
    let all_came = timeout(Duration::from_secs(20), async {
        while missing() > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(
        all_came.await.is_ok(),
        "{} messages are missing of {played:?}",
        missing()
    );
    let wills: u32 = {
        let heard = heard.lock().unwrap();
        let will = heard
            .iter()
            .filter(|((_topic, payload), _count)| payload.as_slice() == br#"{"online":false}"#);
        will.map(|(_key, count)| *count).sum()
    };
    assert!(
        wills > 0 && u64::from(wills) <= played.breaks,
        "{wills} wills of {played:?}"
    );
    tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_dies_and_comes_back_gets_the_rest() {
    let Some(mut mosquitto) = Mosquitto::start() else {
        return;
    };
    let counters = Arc::new(LiveCounters::default());
    let stop = CancellationToken::new();
    let playing =
        live(mosquitto.port, FaultRates::NONE, None).run(Arc::clone(&counters), stop.clone());
    let watching = async {
        until(&counters, "nothing acknowledged", |report| {
            report.acknowledged > 500
        })
        .await;
        mosquitto.restart();
        let before = counters.report();
        let goes_on = |report: &LiveReport| {
            report.acknowledged > before.acknowledged + 500 && report.connected == 20
        };
        until(&counters, "not resumed", goes_on).await;
        stop.cancel();
    };
    let (played, ()) = tokio::join!(playing, watching);
    let played = played.unwrap();
    assert_eq!(played.sent, played.acknowledged, "{played:?}");
    assert!(played.connects >= 40, "{played:?}");
}
