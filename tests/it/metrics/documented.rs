//! The page of metrics, the alerts and the dashboards speak of metrics that there are.

use std::{fs, path::PathBuf};

use sangam::telemetry::metrics::table;

pub fn repo(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_page_of_metrics_is_the_table() {
    let (page, text) = (repo("docs/metrics.md"), table::markdown());
    if std::env::var_os("SANGAM_WRITE_DOCS").is_some() {
        fs::write(&page, &text).unwrap();
    }
    assert!(
        fs::read_to_string(&page).unwrap() == text,
        "docs/metrics.md is out of date; its first lines say how to write it anew"
    );
}
