//! `docs/troubleshooting.md` has what people search for: the title that they read.

use gitops_deploy::argocd::diagnosis::IGNORE_DIFFERENCES;
use gitops_deploy::failure::Reason;

const PAGE: &str = include_str!("../../docs/troubleshooting.md");

#[test]
fn every_title_of_a_failure_has_a_section_and_no_other_has() {
    let mut sections: Vec<&str> = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    let mut titles = Reason::ALL.map(Reason::title).to_vec();
    sections.sort_unstable();
    titles.sort_unstable();
    assert_eq!(sections, titles);
}

#[test]
fn the_cure_is_the_one_that_the_failure_prints() {
    assert!(PAGE.contains(&format!("```yaml\n{IGNORE_DIFFERENCES}```\n")));
    let application = include_str!(
        "../../examples/pipeline/manifests-repository/argocd/blog-system-application.yaml"
    );
    for expression in [
        "/spec/subsets/0/labels",
        ".spec.http[].route[].weight",
        "RespectIgnoreDifferences=true",
    ] {
        assert!(IGNORE_DIFFERENCES.contains(expression) && application.contains(expression));
    }
}
