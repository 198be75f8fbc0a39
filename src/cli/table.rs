//! Tables on the terminal.

use comfy_table::{ContentArrangement, Table, presets};

/// A table with a header, as wide as the terminal allows.
pub(super) fn table<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}
