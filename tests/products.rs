//! `docs/products.md` is written from the products' own folders: `ARNO_TEST_BLESS=1` refreshes it,
//! any other run compares.
#![expect(clippy::unwrap_used, reason = "a test says loudly what went wrong")]

use std::fmt::Write as _;
use std::path::Path;

use arno_analytics::Product;

fn page() -> String {
    let mut page = String::from(
        "# The data products\n\nEach is a folder in `analytics/products`: its formula (`query.sql`), its \
         description (`product.toml`). This page is written from them (`ARNO_TEST_BLESS=1 \
         cargo test --test products`). What the figures mean in general stands in [numbers](numbers.md).\n",
    );
    for product in arno_analytics::product::shipped().unwrap() {
        write_product(&mut page, &product);
    }
    page
}

fn write_product(page: &mut String, product: &Product) {
    writeln!(page, "\n## {}\n", product.id).unwrap();
    writeln!(page, "**{}** · {}\n", product.title.en, product.title.it).unwrap();
    writeln!(
        page,
        "{}\n\n{}\n",
        product.description.en, product.description.it
    )
    .unwrap();
    writeln!(
        page,
        "*Method.* {}\n\n*Metodo.* {}\n",
        product.method.en, product.method.it
    )
    .unwrap();
    writeln!(page, "*Source.* {}\n", product.method.source).unwrap();
    writeln!(
        page,
        "Levels: {}. Buckets: {}. Known share needed: {}. Licence: {}.\n",
        product.levels.join(", "),
        product.buckets.join(", "),
        product.known_share_min,
        product.licence
    )
    .unwrap();
    page.push_str("| column | unit | English | italiano |\n|---|---|---|---|\n");
    for column in &product.columns {
        let unit = column.unit.as_deref().unwrap_or("");
        let (name, title) = (&column.name, &column.title);
        writeln!(page, "| `{name}` | {unit} | {} | {} |", title.en, title.it).unwrap();
    }
    writeln!(page, "\n```sql\n{}\n```", product.sql.trim_end()).unwrap();
}

#[test]
fn the_page_of_products_is_what_their_folders_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/products.md");
    let wanted = page();
    if std::env::var_os("ARNO_TEST_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/products.md is stale: ARNO_TEST_BLESS=1 cargo test --test products"
    );
}
