//! Addresses: a request's headers come in, the address under which the client knows us goes out.
//!
//! # Why
//! `next` is absolute, as the Italian guidelines ask, and must work behind a proxy. Headers that
//! any client can write are believed only from configured proxies.

use std::net::IpAddr;

use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};

use crate::admit;
use crate::config::Network;
use crate::state::ApiState;

/// Longest host that is repeated: a DNS name and a port.
const HOST_BYTES_MAX: usize = 262;

/// The service's address as this client sees it, without a final slash.
pub(crate) fn own(state: &ApiState, parts: &Parts) -> String {
    let fixed = &state.config().public_url;
    if !fixed.is_empty() {
        return fixed.clone();
    }
    let is_proxied = admit::peer(&parts.extensions)
        .is_some_and(|peer| state.proxies().iter().any(|network| network.contains(peer)));
    let forwarded = |name: &str| first_word(&parts.headers, name).filter(|_| is_proxied);
    let scheme = match forwarded("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    let direct = || {
        let host = parts.headers.get(HOST)?;
        host.to_str().ok()
    };
    let authority = || parts.uri.authority().map(Authority::as_str);
    let host = forwarded("x-forwarded-host")
        .or_else(direct)
        .or_else(authority);
    let host = host.filter(|host| is_host(host)).unwrap_or("localhost");
    format!("{scheme}://{host}")
}

/// The client behind trusted proxies: the last address of `X-Forwarded-For` that is none of them.
pub(crate) fn forwarded_client(proxies: &[Network], headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    if !is_proxy(peer) {
        return peer;
    }
    let lists = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let addresses: Vec<IpAddr> = lists
        .flat_map(|list| list.split(','))
        .map_while(|word| word.trim().parse().ok())
        .collect();
    addresses
        .into_iter()
        .rev()
        .find(|address| !is_proxy(*address))
        .unwrap_or(peer)
}

/// The address of another page: the same one with another cursor.
pub(crate) fn next(own: &str, uri: &Uri, pairs: &[(String, String)], cursor: &str) -> String {
    let kept = pairs.iter().filter(|(name, _)| name != "cursor");
    let mut query: Vec<String> = kept
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
        .collect();
    query.push(format!("cursor={}", escaped(cursor)));
    format!("{own}{}?{}", uri.path(), query.join("&"))
}

fn first_word<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let text = headers.get(name)?.to_str().ok()?;
    text.split(',').next().map(str::trim)
}

fn is_host(host: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !host.is_empty() && host.len() <= HOST_BYTES_MAX && host.bytes().all(is_plain)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.extend(['%', hexadecimal(byte >> 4), hexadecimal(byte & 15)]);
        }
    }
    escaped
}

fn hexadecimal(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16)
        .unwrap_or('0')
        .to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_last_address_that_is_no_proxy() {
        let config = crate::ApiConfig {
            trusted_proxies: vec!["10.0.0.0/8".to_owned()],
            ..crate::ApiConfig::default()
        };
        let proxies = config.proxies();
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-forwarded-for",
            "6.6.6.6, 1.2.3.4, 10.0.0.7".parse().unwrap(),
        );
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(
            forwarded_client(&proxies, &headers, address("10.0.0.1")),
            address("1.2.3.4")
        );
        assert_eq!(
            forwarded_client(&proxies, &headers, address("9.9.9.9")),
            address("9.9.9.9")
        );
    }

    #[test]
    fn the_next_page_keeps_what_was_asked() {
        let uri: Uri = "/api/v1/things?area=x".parse().unwrap();
        let pairs = [("area", "à b"), ("cursor", "old"), ("format", "csv")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            next("https://arno.example", &uri, &pairs, "prato:lot-1"),
            "https://arno.example/api/v1/things?area=%C3%A0%20b&format=csv&cursor=prato:lot-1"
        );
    }
}
