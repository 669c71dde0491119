//! Units: a UCUM code comes in, whether it is one goes out, as far as a smart city needs.
//!
//! # Shape
//! Terms joined by `.` and `/`, each a number, or an atom with a prefix before it and an exponent
//! behind it; `{…}` is an annotation and means 1.
//!
//! # Limits
//! The table is a part of UCUM's: what is not in it is warned of, not refused.
//!
//! # Source
//! The Unified Code for Units of Measure, <https://ucum.org/ucum>; the case-sensitive codes.

/// Prefixes, longer ones first.
const PREFIXES: [&str; 24] = [
    "Ki", "Mi", "Gi", "Ti", "da", "Y", "Z", "E", "P", "T", "G", "M", "k", "h", "d", "c", "m", "u",
    "n", "p", "f", "a", "z", "y",
];
/// Atoms that take prefixes.
const METRIC: [&str; 46] = [
    "m", "s", "g", "rad", "K", "mol", "cd", "Cel", "A", "V", "W", "J", "N", "Pa", "Hz", "Ohm", "S",
    "F", "H", "T", "Wb", "C", "lm", "lx", "Bq", "Gy", "Sv", "kat", "sr", "l", "L", "t", "eV",
    "bar", "ar", "By", "bit", "Bd", "B", "Np", "B[SPL]", "B[V]", "B[W]", "cal", "m[H2O]", "m[Hg]",
];
/// Atoms that take none.
const PLAIN: [&str; 38] = [
    "min", "h", "d", "wk", "mo", "a", "deg", "'", "''", "gon", "%", "[ppth]", "[ppm]", "[ppb]",
    "[pptr]", "[pH]", "[degF]", "[kn_i]", "[mi_i]", "[ft_i]", "[in_i]", "[yd_i]", "[nmi_i]",
    "[acr_us]", "[gal_us]", "[lb_av]", "[psi]", "[HP]", "atm", "AU", "[CFU]", "[PFU]", "[iU]",
    "[g]", "[c]", "10*", "10^", "[arb'U]",
];
/// What people write, and the code that it means.
const MEANT: [(&str, &str); 18] = [
    ("°C", "Cel"),
    ("C°", "Cel"),
    ("degC", "Cel"),
    ("celsius", "Cel"),
    ("°", "deg"),
    ("ppm", "[ppm]"),
    ("ppb", "[ppb]"),
    ("pH", "[pH]"),
    ("kWh", "kW.h"),
    ("Wh", "W.h"),
    ("byte", "By"),
    ("bytes", "By"),
    ("dBA", "dB[SPL]"),
    ("dB(A)", "dB[SPL]"),
    ("µg/m³", "ug/m3"),
    ("μg/m³", "ug/m3"),
    ("m³/s", "m3/s"),
    ("percent", "%"),
];

/// Whether a text is a UCUM code of the table's atoms.
pub(super) fn is_known(unit: &str) -> bool {
    let Some(bare) = without_annotations(unit) else {
        return false;
    };
    let bare = bare.strip_prefix('/').unwrap_or(&bare);
    bare.split(['.', '/'])
        .all(|term| is_term(term.trim_matches(['(', ')'])))
}

/// The code that a common misspelling means.
pub(super) fn meant(unit: &str) -> Option<&'static str> {
    let found = MEANT
        .iter()
        .find(|(written, _)| written.eq_ignore_ascii_case(unit));
    found.map(|(_, code)| *code)
}

/// The code with `1` for an annotation that stands alone, and without those that follow an atom;
/// `None` where braces do not match.
fn without_annotations(unit: &str) -> Option<String> {
    let mut bare = String::with_capacity(unit.len());
    let mut rest = unit;
    while let Some((before, after)) = rest.split_once('{') {
        let (annotation, after) = after.split_once('}')?;
        if annotation.contains('{') || before.contains('}') {
            return None;
        }
        bare.push_str(before);
        if bare.is_empty() || bare.ends_with(['.', '/', '(']) {
            bare.push('1');
        }
        rest = after;
    }
    bare.push_str(rest);
    (!rest.contains('}')).then_some(bare)
}

fn is_term(term: &str) -> bool {
    if !term.is_empty() && term.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let digits = |letter: char| letter.is_ascii_digit();
    let base = term.trim_end_matches(digits);
    let base = match base.strip_suffix(['+', '-']) {
        Some(signed) if base.len() < term.len() => signed,
        _ => base,
    };
    [term, base].iter().any(|atom| is_atom(atom))
}

fn is_atom(text: &str) -> bool {
    let metric = |atom: &str| METRIC.contains(&atom);
    let is_prefixed = PREFIXES
        .iter()
        .any(|prefix| text.strip_prefix(prefix).is_some_and(metric));
    metric(text) || PLAIN.contains(&text) || is_prefixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_from_other_texts() {
        for unit in [
            "1",
            "m",
            "Cel",
            "%",
            "By",
            "V",
            "kW.h",
            "ug/m3",
            "km/h",
            "m3/s",
            "{boat}",
            "{boat}/h",
            "1/h",
            "/min",
            "dB[SPL]",
            "[ppm]",
            "kg.m-2",
            "10*3/ul",
            "mm[Hg]",
            "us",
            "GiBy",
            "W/m2",
            "l/s",
            "m{above sea/level}",
            "kg/(m2.s)",
        ] {
            assert!(is_known(unit), "{unit}");
        }
        for unit in [
            "parsec-ish",
            "°C",
            "kWh",
            "bytes",
            "ppm",
            "m³",
            "{boat",
            "boat}",
            "",
            "m//s",
            "-",
            "{}{",
        ] {
            assert!(!is_known(unit), "{unit}");
        }
        assert_eq!((meant("DegC"), meant("furlong")), (Some("Cel"), None));
    }
}
