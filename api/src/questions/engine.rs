//! [`Analytics`] as the faces ask it: its products as sheets, its errors as the caller may hear
//! them.

use std::sync::Arc;

use arno_analytics::product::{Column, ColumnType, Product, ProductQuery, Words};
use arno_analytics::{Analytics, AnalyticsError, ObservationQuery, SendableRecordBatchStream};
use arno_store::Role;
use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};

use super::{
    ChartSheet, ColumnSheet, LevelAsked, ObservationQuestion, ParameterSheet, ProductQuestion,
    ProductSheet, QuestionError, Questions, RowStream, Wording,
};

/// The sheets of the products that every Arno has.
///
/// # Errors
/// What is wrong with a shipped product; a test holds that nothing is.
pub fn shipped_sheets() -> Result<Vec<ProductSheet>, AnalyticsError> {
    Ok(arno_analytics::product::shipped()?
        .iter()
        .map(|product| sheet(product))
        .collect())
}

#[async_trait]
impl Questions for Analytics {
    fn products(&self) -> Vec<Arc<ProductSheet>> {
        Self::products(self)
            .iter()
            .map(|product| Arc::new(sheet(product)))
            .collect()
    }

    async fn product(
        &self,
        caller: &Role,
        question: ProductQuestion,
    ) -> Result<RowStream, QuestionError> {
        let query = ProductQuery {
            product: question.product,
            area: question.area,
            level: question.level.map(|level| match level {
                LevelAsked::Thing => "thing".to_owned(),
                LevelAsked::Area(level) => level.as_str().to_owned(),
            }),
            thing: question.thing,
            publisher: question.publisher,
            from: question.from,
            to: question.to,
            bucket: question.bucket.map(|bucket| bucket.as_str().to_owned()),
            as_of: question.as_of,
            limit: question.limit,
            cursor: cursor(question.skip),
        };
        rows(Self::product(self, caller, &query).await)
    }

    async fn observations(
        &self,
        caller: &Role,
        question: ObservationQuestion,
    ) -> Result<RowStream, QuestionError> {
        let query = ObservationQuery {
            thing: question.thing,
            properties: question.property.map(|property| vec![property]),
            from: question.from,
            to: question.to,
            as_of: question.as_of,
            limit: question.limit,
            cursor: cursor(question.skip),
        };
        rows(Self::observations(self, caller, &query).await)
    }

    async fn sql(&self, caller: &Role, query: &str) -> Result<RowStream, QuestionError> {
        rows(Self::sql(self, caller, query, self.limits()).await)
    }
}

fn cursor(skip: usize) -> Option<u64> {
    u64::try_from(skip).ok().filter(|skip| *skip > 0)
}

fn rows(
    answer: Result<SendableRecordBatchStream, AnalyticsError>,
) -> Result<RowStream, QuestionError> {
    let stream = answer.map_err(asked_wrongly)?;
    let schema = stream.schema();
    let batches = stream.map_err(|error| asked_wrongly(AnalyticsError::of_engine(error)));
    Ok(RowStream {
        schema,
        batches: batches.boxed(),
    })
}

/// Sorts an error by whose it is.
fn asked_wrongly(error: AnalyticsError) -> QuestionError {
    let detail = error.to_string();
    match error {
        AnalyticsError::Unknown { kind, allowed, .. } => {
            let field = Some(kind.to_owned());
            QuestionError::Unknown {
                detail,
                field,
                allowed,
            }
        }
        AnalyticsError::Parameter { field, allowed, .. } => QuestionError::Refused {
            detail,
            field: Some(field.to_owned()),
            allowed,
        },
        AnalyticsError::Refused { allowed, .. } => QuestionError::Refused {
            detail,
            field: None,
            allowed,
        },
        AnalyticsError::Busy { .. } => QuestionError::Busy,
        error if error.is_callers_fault() => QuestionError::Refused {
            detail,
            field: None,
            allowed: Vec::new(),
        },
        error => QuestionError::Failed {
            retry: error.retry(),
            source: Box::new(error),
        },
    }
}

fn sheet(product: &Product) -> ProductSheet {
    let method = |text: &str| format!("{text} ({})", product.method.source);
    ProductSheet {
        id: product.id.clone(),
        title: wording(&product.title),
        description: Wording {
            it: format!("{} {}", product.description.it, method(&product.method.it)),
            en: format!("{} {}", product.description.en, method(&product.method.en)),
        },
        levels: product.levels.clone(),
        buckets: product.buckets.clone(),
        columns: product.columns.iter().map(column).collect(),
        parameters: product
            .parameters
            .iter()
            .map(|name| parameter(name, product))
            .collect(),
        chart: ChartSheet {
            kind: product.chart.kind.clone(),
            x: product.chart.x.clone(),
            y: product.chart.y.clone(),
            series: product.chart.series.clone(),
        },
        licence: product.licence.clone(),
        themes: product.themes.clone(),
    }
}

fn wording(words: &Words) -> Wording {
    Wording {
        it: words.it.clone(),
        en: words.en.clone(),
    }
}

fn column(column: &Column) -> ColumnSheet {
    let kind = match column.kind {
        ColumnType::Text => "string",
        ColumnType::Integer => "integer",
        ColumnType::Number => "number",
        ColumnType::Boolean => "boolean",
        ColumnType::Time => "time",
    };
    ColumnSheet {
        name: column.name.clone(),
        kind: kind.to_owned(),
        unit: column.unit.clone(),
        title: wording(&column.title),
    }
}

/// What a parameter does, in both languages; every product's parameters are of this list.
const PARAMETERS: [(&str, &str, &str); 11] = [
    (
        "area",
        "L'area, o con `level` dentro quest'area",
        "The area, or with `level` inside this area",
    ),
    ("level", "Il livello delle righe", "The level of the rows"),
    ("thing", "Questo luogo soltanto", "This thing alone"),
    (
        "publisher",
        "Di questo titolare soltanto",
        "Of this publisher alone",
    ),
    ("from", "Da questo momento", "From this moment on"),
    (
        "to",
        "Fino a questo momento, escluso",
        "Until this moment, exclusive",
    ),
    (
        "bucket",
        "L'ampiezza degli intervalli",
        "The width of the buckets",
    ),
    (
        "as_of",
        "Come si sapeva in quel momento",
        "As it was known at that moment",
    ),
    ("limit", "Al massimo tante righe", "At most so many rows"),
    (
        "cursor",
        "La pagina che segue, da `next`",
        "The page that follows, from `next`",
    ),
    (
        "format",
        "Il formato della risposta",
        "The format of the answer",
    ),
];

fn parameter(name: &str, product: &Product) -> ParameterSheet {
    let known = PARAMETERS.iter().find(|(known, _, _)| *known == name);
    let (it, en) = known.map_or((name, name), |(_, it, en)| (*it, *en));
    let (default, allowed) = match name {
        "level" => (None, product.levels.clone()),
        "bucket" => (
            Some(product.bucket_default().to_owned()),
            product.buckets.clone(),
        ),
        _ => (None, Vec::new()),
    };
    ParameterSheet {
        name: name.to_owned(),
        default,
        allowed,
        description: Wording {
            it: it.to_owned(),
            en: en.to_owned(),
        },
    }
}
