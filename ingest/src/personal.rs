//! Masks what could name a person's device or account in text that is about to be kept: bytes come
//! in, the same bytes with such words crossed out go out.
//!
//! # Why
//! The quarantine keeps what could not be read, on any route, so that it can be mended. A device
//! that sends its clients' addresses where only counts belong must not get them written down that
//! way.
//!
//! # Shape
//! Crossed out, letter by letter, so that lengths stay: hardware addresses (six pairs with `:` or
//! `-`, three fours with `.`, twelve digits in a row), IPv4 and IPv6 addresses, e-mail addresses.
//!
//! # Limits
//! One pass over words; a word ends at anything but letters, digits and `:-.@_+%`. Names of people
//! are not recognised: routes that can carry them keep no payload at all.

use std::borrow::Cow;

const CROSS: u8 = b'x';

/// Crosses out what could name a person's device or account.
pub(crate) fn mask(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut masked = Cow::Borrowed(bytes);
    let mut start = 0;
    while start < bytes.len() {
        let rest = bytes.get(start..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_in_word(**byte)).count();
        let word = rest.get(..length).unwrap_or_default();
        if is_personal(word)
            && let Some(place) = masked.to_mut().get_mut(start..start + length)
        {
            let letters = place.iter_mut().filter(|byte| byte.is_ascii_alphanumeric());
            letters.for_each(|byte| *byte = CROSS);
        }
        start += length + 1;
    }
    masked
}

/// As [`mask`], of text.
pub(crate) fn mask_text(text: String) -> String {
    match mask(text.as_bytes()) {
        Cow::Borrowed(_) => text,
        // Only ASCII was replaced, by ASCII.
        Cow::Owned(masked) => String::from_utf8(masked).unwrap_or_default(),
    }
}

fn is_in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'.' | b'@' | b'_' | b'+' | b'%')
}

fn is_personal(word: &[u8]) -> bool {
    let word = word.trim_ascii();
    has_hardware_address(word) || is_ip_address(word) || is_mail_address(word)
}

/// Twelve hexadecimal digits, in a row or grouped as hardware addresses are, anywhere in the word.
fn has_hardware_address(word: &[u8]) -> bool {
    let windows = |width: usize, is_one: fn(&[u8]) -> bool| {
        word.windows(width).enumerate().any(|(index, window)| {
            let before = index.checked_sub(1).and_then(|index| word.get(index));
            let after = word.get(index + width);
            let is_bounded = [before, after].iter().all(|byte| !is_hex(*byte));
            is_bounded && is_one(window)
        })
    };
    windows(17, is_pairs)
        || windows(14, is_fours)
        || windows(12, |run| run.iter().all(u8::is_ascii_hexdigit))
}

fn is_hex(byte: Option<&u8>) -> bool {
    byte.is_some_and(u8::is_ascii_hexdigit)
}

fn is_pairs(window: &[u8]) -> bool {
    let is_in_place = |(index, byte): (usize, &u8)| match index % 3 {
        2 => matches!(byte, b':' | b'-' | b'_'),
        _ => byte.is_ascii_hexdigit(),
    };
    window.iter().enumerate().all(is_in_place)
}

fn is_fours(window: &[u8]) -> bool {
    let is_in_place = |(index, byte): (usize, &u8)| match index % 5 {
        4 => *byte == b'.',
        _ => byte.is_ascii_hexdigit(),
    };
    window.iter().enumerate().all(is_in_place)
}

fn is_ip_address(word: &[u8]) -> bool {
    let text = std::str::from_utf8(word)
        .unwrap_or_default()
        .trim_matches(['.', ':']);
    text.parse::<std::net::IpAddr>().is_ok()
}

fn is_mail_address(word: &[u8]) -> bool {
    let mut parts = word.splitn(2, |byte| *byte == b'@');
    let (name, host) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    !name.is_empty() && host.contains(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        mask_text(text.to_owned())
    }

    #[test]
    fn addresses_are_crossed_out_in_every_spelling() {
        for address in [
            "de:ad:be:ef:ca:fe",
            "DE-AD-BE-EF-CA-FE",
            "dead.beef.cafe",
            "deadbeefcafe",
            "client_deadbeefcafe",
            "192.168.1.20",
            "fe80::1",
            "maria.rossi@example.org",
        ] {
            let kept = masked(&format!(r#"{{"mac":"{address}","clients":3}}"#));
            assert!(!kept.contains(address), "{kept}");
            assert!(
                kept.starts_with(r#"{"mac":""#) && kept.ends_with(r#"","clients":3}"#),
                "{kept}"
            );
        }
    }

    #[test]
    fn numbers_times_and_names_stay() {
        let text = r#"{"time":"2026-05-01T08:00:00Z","vehicles":41,"battery":3.6,"id":"lot-1","n":1777622400}"#;
        assert_eq!(masked(text), text);
        assert_eq!(masked("arno/v1/obs/prato/lot-1"), "arno/v1/obs/prato/lot-1");
        assert_eq!(masked("1777622400000"), "1777622400000");
    }

    #[test]
    fn bytes_that_are_no_text_do_not_hide_an_address() {
        let kept = mask(b"\xff\xfede:ad:be:ef:ca:fe\x00");
        assert!(!kept.windows(5).any(|window| window == b"de:ad"));
    }
}
