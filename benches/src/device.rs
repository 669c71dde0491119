//! A device that speaks just enough MQTT 3.1.1 to publish at QoS 1 and count acknowledgements, so
//! that the measuring side takes little of the machine.
//!
//! # Source
//! MQTT 3.1.1 §3.1 (CONNECT), §3.3 (PUBLISH), §3.4 (PUBACK: four bytes each).

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One connection.
#[derive(Debug)]
pub struct Device {
    stream: TcpStream,
    topic: String,
    last_id: u16,
    last_time_ms: u64,
}

/// What a device sees of a run.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// Acknowledgements.
    pub acks_count: usize,
    /// From each publish to its acknowledgement.
    pub latencies: Vec<Duration>,
}

impl Device {
    /// Connects as `client_id` and publishes to `topic`, with times from `first_time_ms` on.
    ///
    /// # Errors
    /// What the network says, and `InvalidData` when the gateway does not greet.
    pub async fn connect(
        address: SocketAddr,
        client_id: &str,
        topic: String,
        first_time_ms: u64,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut body = vec![0, 4];
        // Protocol 4, clean session, keep-alive 60 s.
        body.extend_from_slice(b"MQTT\x04\x02\x00\x3c");
        put_text(&mut body, client_id);
        let mut frame = vec![0x10];
        put_length(&mut frame, body.len());
        frame.extend_from_slice(&body);
        stream.write_all(&frame).await?;
        let mut greeting = [0; 4];
        stream.read_exact(&mut greeting).await?;
        if greeting != [0x20, 2, 0, 0] {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the gateway refused",
            ));
        }
        Ok(Self {
            stream,
            topic,
            last_id: 0,
            last_time_ms: first_time_ms,
        })
    }

    /// Publishes `count` readings, at most `window` of them without acknowledgement.
    ///
    /// # Errors
    /// What the network says; `InvalidData` for anything but acknowledgements in order.
    pub async fn publish(&mut self, count: usize, window: usize) -> io::Result<Seen> {
        let mut seen = Seen::default();
        let mut waiting = VecDeque::with_capacity(window);
        let mut sent_count = 0;
        let mut out = Vec::new();
        let mut heard = Vec::with_capacity(4_096);
        let mut last_heard_id = self.last_id;
        while seen.acks_count < count {
            out.clear();
            while sent_count < count && waiting.len() < window {
                self.put_publish(&mut out);
                waiting.push_back(Instant::now());
                sent_count += 1;
            }
            if !out.is_empty() {
                self.stream.write_all(&out).await?;
            }
            self.stream.read_buf(&mut heard).await?;
            let whole = heard.len() / 4 * 4;
            for ack in heard.drain(..whole).collect::<Vec<_>>().chunks_exact(4) {
                last_heard_id = next_id(last_heard_id);
                let [high, low] = last_heard_id.to_be_bytes();
                if ack != [0x40, 2, high, low] {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "not the next PUBACK",
                    ));
                }
                if let Some(sent) = waiting.pop_front() {
                    seen.latencies.push(sent.elapsed());
                }
                seen.acks_count += 1;
            }
            if whole == 0 && heard.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(seen)
    }

    fn put_publish(&mut self, out: &mut Vec<u8>) {
        self.last_id = next_id(self.last_id);
        self.last_time_ms += 1;
        let occupied = self.last_time_ms % 2;
        let payload = format!("{{\"time\":{},\"occupied\":{occupied}}}", self.last_time_ms);
        out.push(0x32);
        put_length(out, 2 + self.topic.len() + 2 + payload.len());
        put_text(out, &self.topic);
        out.extend_from_slice(&self.last_id.to_be_bytes());
        out.extend_from_slice(payload.as_bytes());
    }
}

/// Packet ids go round from 1 to 65535.
const fn next_id(id: u16) -> u16 {
    if id == u16::MAX { 1 } else { id + 1 }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let digit = u8::try_from(length % 128).unwrap_or(0);
        length /= 128;
        out.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            return;
        }
    }
}
