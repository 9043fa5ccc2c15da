//! What answers of GraphQL are made of.

use serde::Deserialize;

/// All that there is, or as many as were asked for.
#[derive(Deserialize)]
pub(super) struct Nodes<T> {
    pub nodes: Vec<T>,
}

/// As many as were asked for, and whether there are more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    pub nodes: Vec<T>,
    pub page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub has_next_page: bool,
    pub end_cursor: Option<String>,
}

/// An object of git's, by its id.
#[derive(Deserialize)]
pub(super) struct Oid {
    pub oid: String,
}
