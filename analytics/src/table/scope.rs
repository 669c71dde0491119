//! Which areas a query asks for: conditions on `level`, `within` and `area` come in, questions to
//! the rollup engine go out.
//!
//! # Why
//! `area_rollups`, `cells` and `area_things` are asked the same way, and products are written once
//! for all levels: `level = $level AND within = $area`.
//!
//! # Shape
//! `within = X` and `level = L`: every area of level L in X, and what of X lies in none of them
//! (`outside`); X's own row where L is its level. `within = 'all'`: everywhere. With `level =
//! 'thing'` one row a thing that counts, and `within` may name a thing: that one, counting or not.
//! `area = X` without `level`: X's own row.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use arno_analytics_rollup::AreaLevelAsked;
use arno_model::{AreaId, AreaLevel, ThingId};

use crate::error::AnalyticsError;
use crate::question::Question;
use crate::table::filter::Filters;

/// `within` this name: everywhere. Reserved, so no area has it.
pub(crate) const EVERYWHERE: &str = "all";
/// The level of things.
pub(crate) const THING: &str = "thing";

/// All levels, as they are named.
pub(crate) const LEVELS: [&str; 7] = [
    THING,
    "zone",
    "municipality",
    "union",
    "province",
    "region",
    "group",
];

/// Some rows of one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Inside these; absent: everywhere.
    pub(crate) areas: Option<Vec<AreaId>>,
    /// Which rows of them.
    pub(crate) level: AreaLevelAsked,
    /// Exactly these things.
    pub(crate) things: Option<Vec<ThingId>>,
    /// What `level` says in the rows.
    pub(crate) level_name: &'static str,
    /// What `within` says in the rows.
    pub(crate) within: String,
}

impl Scope {
    /// The scopes that conditions ask for.
    ///
    /// # Errors
    /// `Parameter` without `level` and `area`, or for a level that does not exist; `Unknown` for an
    /// area or thing in `within` that does not exist.
    pub(crate) fn asked(
        filters: &Filters,
        question: &Question,
    ) -> Result<Vec<Self>, AnalyticsError> {
        let within = within(filters, question)?;
        let areas = filters.names("area");
        let Some(levels) = filters.names("level") else {
            if let Within::Thing(_) = within {
                return Ok(Self::of_things(&within, areas, question)
                    .into_iter()
                    .collect());
            }
            let areas = areas.ok_or_else(|| missing_level("is missing"))?;
            return Ok(Self::own(areas, question));
        };
        let mut scopes = Vec::new();
        for level in levels {
            if level == THING {
                scopes.extend(Self::of_things(&within, areas, question));
                continue;
            }
            let level = AreaLevel::from_str(level)
                .map_err(|_unknown| missing_level(&format!("`{level}` does not exist")))?;
            scopes.extend(Self::of_level(&within, level, areas, question));
        }
        Ok(scopes)
    }

    /// The areas' own rows, each at its level.
    fn own(areas: &BTreeSet<String>, question: &Question) -> Vec<Self> {
        let known = areas.iter().filter_map(|name| question.registry.area(name));
        known
            .map(|area| Self {
                areas: Some(vec![area.id.clone()]),
                level: AreaLevelAsked::Own,
                things: None,
                level_name: area.level.as_str(),
                within: EVERYWHERE.to_owned(),
            })
            .collect()
    }

    fn of_level(
        within: &Within,
        level: AreaLevel,
        areas: Option<&BTreeSet<String>>,
        question: &Question,
    ) -> Option<Self> {
        let scope = |areas, asked, within: &str| Self {
            areas,
            level: asked,
            things: None,
            level_name: level.as_str(),
            within: within.to_owned(),
        };
        match within {
            Within::Thing(_) => None,
            Within::Area(area, own) if *own == level => Some(scope(
                Some(vec![area.clone()]),
                AreaLevelAsked::Own,
                area.as_str(),
            )),
            Within::Area(area, _) => Some(scope(
                Some(vec![area.clone()]),
                AreaLevelAsked::Level(level),
                area.as_str(),
            )),
            Within::Everywhere => {
                // A group contains no groups, so the engine is asked for each by name.
                let is_named = areas.is_some() || level == AreaLevel::Group;
                if !is_named {
                    return Some(scope(None, AreaLevelAsked::Level(level), EVERYWHERE));
                }
                let named = question.registry.areas().filter(|area| {
                    area.level == level
                        && areas.is_none_or(|names| names.contains(area.id.as_str()))
                });
                let named: Vec<_> = named.map(|area| area.id.clone()).collect();
                (!named.is_empty()).then(|| scope(Some(named), AreaLevelAsked::Own, EVERYWHERE))
            }
        }
    }

    fn of_things(
        within: &Within,
        names: Option<&BTreeSet<String>>,
        question: &Question,
    ) -> Option<Self> {
        let scope = |areas, things, within: &str| Self {
            areas,
            level: AreaLevelAsked::Thing,
            things,
            level_name: THING,
            within: within.to_owned(),
        };
        let visible = |name: &str| {
            let thing = question.registry.thing(name)?;
            question.view.sees_thing(thing).then(|| thing.id.clone())
        };
        match within {
            Within::Thing(thing) => Some(scope(
                None,
                Some(vec![visible(thing.as_str())?]),
                thing.as_str(),
            )),
            Within::Area(area, _) => Some(scope(Some(vec![area.clone()]), None, area.as_str())),
            Within::Everywhere => match names {
                None => Some(scope(None, None, EVERYWHERE)),
                Some(names) => {
                    let things: Vec<_> = names.iter().filter_map(|name| visible(name)).collect();
                    (!things.is_empty()).then(|| scope(None, Some(things), EVERYWHERE))
                }
            },
        }
    }
}

/// Where a query looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Within {
    Everywhere,
    Area(AreaId, AreaLevel),
    Thing(ThingId),
}

/// What the condition on `within` says.
///
/// # Errors
/// `Unknown` for what is not there, `Parameter` for more than one.
pub(crate) fn within(filters: &Filters, question: &Question) -> Result<Within, AnalyticsError> {
    let Some(names) = filters.names("within") else {
        return Ok(Within::Everywhere);
    };
    let mut names = names.iter();
    let (Some(name), None) = (names.next(), names.next()) else {
        return Err(AnalyticsError::parameter(
            "within",
            "must be one area; ask for each by itself",
        ));
    };
    if name == EVERYWHERE {
        return Ok(Within::Everywhere);
    }
    if name.contains(':') {
        let thing = question.registry.thing(name);
        let visible = thing.filter(|thing| question.view.sees_thing(thing));
        return visible
            .map(|thing| Within::Thing(thing.id.clone()))
            .ok_or_else(|| {
                let name = name.chars().take(160).collect();
                AnalyticsError::Unknown {
                    kind: "thing",
                    name,
                    allowed: Vec::new(),
                }
            });
    }
    let area = question.area(name)?;
    Ok(Within::Area(area.id.clone(), area.level))
}

fn missing_level(what: &str) -> AnalyticsError {
    AnalyticsError::Parameter {
        field: "level",
        reason: format!(
            "{what}; add a condition like `level = 'municipality'`, or `area = '…'` for one area's own row"
        ),
        allowed: LEVELS.map(str::to_owned).to_vec(),
    }
}
