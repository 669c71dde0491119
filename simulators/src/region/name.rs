//! Names: a municipality comes in, its publisher goes out; numbers come in, names of places go out.

use arno_model::publisher::MAX_AGE_DEFAULT;
use arno_model::{Publisher, PublisherId, PublisherKind};

use crate::municipality::Municipality;

const LOTS: [&str; 5] = [
    "Parcheggio Centro",
    "Parcheggio Stazione",
    "Parcheggio Ospedale",
    "Parcheggio Giardini",
    "Parcheggio Mercato",
];
const STREETS: [&str; 8] = [
    "Via Roma",
    "Via Garibaldi",
    "Via Mazzini",
    "Viale della Repubblica",
    "Corso Italia",
    "Via Dante Alighieri",
    "Via Cavour",
    "Piazza Matteotti",
];
const SPOTS: [&str; 10] = [
    "Piazza del Comune",
    "Biblioteca",
    "Stazione",
    "Giardini pubblici",
    "Mercato coperto",
    "Museo",
    "Piazza del Duomo",
    "Palestra comunale",
    "Ospedale",
    "Informagiovani",
];

/// The name of the lot with this place among the town's lots.
pub(super) fn lot(index: usize) -> String {
    LOTS.get(index).map_or_else(
        || format!("Parcheggio n. {}", index + 1),
        |&name| name.to_owned(),
    )
}

/// The name of a bay on the street.
pub(super) fn street_bay(index: usize) -> String {
    let street = STREETS.get(index % STREETS.len()).unwrap_or(&"Via Roma");
    format!("Stallo {}, {street}", index + 1)
}

/// The name of an access point.
pub(super) fn access_point(index: usize) -> String {
    SPOTS.get(index).map_or_else(
        || format!("Hotspot n. {}", index + 1),
        |name| format!("Hotspot {name}"),
    )
}

/// The publisher of a municipality: named like it, told apart by its code where names repeat.
pub(super) fn publisher_of(
    municipality: &Municipality,
    is_taken: impl Fn(&str) -> bool,
) -> Publisher {
    let plain = slug_of(&municipality.name);
    let code = municipality.id.as_str();
    let parsed = PublisherId::parse(&plain)
        .ok()
        .filter(|id| !is_taken(id.as_str()));
    let with_code = || PublisherId::parse(&format!("{plain}-{code}")).ok();
    let by_code = || PublisherId::parse(code).expect("an area's name is a valid publisher's name");
    Publisher {
        id: parsed.or_else(with_code).unwrap_or_else(by_code),
        name: format!("Comune di {}", municipality.name),
        kind: PublisherKind::Municipality,
        ipa_code: None,
        municipality: Some(municipality.id.clone()),
        max_age: MAX_AGE_DEFAULT,
    }
}

fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        let plain = match letter {
            'a'..='z' | '0'..='9' => letter,
            'à' | 'á' | 'â' | 'ä' => 'a',
            'è' | 'é' | 'ê' | 'ë' => 'e',
            'ì' | 'í' | 'î' => 'i',
            'ò' | 'ó' | 'ô' | 'ö' => 'o',
            'ù' | 'ú' | 'û' | 'ü' => 'u',
            _ if slug.is_empty() || slug.ends_with('-') => continue,
            _ => '-',
        };
        slug.push(plain);
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_names() {
        assert_eq!(slug_of("Prato"), "prato");
        assert_eq!(slug_of("Montecatini-Terme"), "montecatini-terme");
        assert_eq!(slug_of("L'Aquila"), "l-aquila");
        assert_eq!(slug_of("Forlì"), "forli");
        assert_eq!(slug_of("Bolzano/Bozen"), "bolzano-bozen");
    }
}
