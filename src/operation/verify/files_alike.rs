//! Whether files are the same at two commits, with all that they lead to in the repository.

use crate::argocd::joined;
use crate::files::FileSelection;
use crate::manifest::ManifestFile;
use crate::repository::{CommitId, Repository, RepositoryError};

/// The whole repository.
pub(super) const WHOLE: &str = "**";
/// How often files may lead to others.
const MOST_STEPS: usize = 8;

/// The glob of all that is below a folder.
pub(super) fn below(folder: &str) -> String {
    format!("{folder}/**")
}

/// Whether what these globs mean is proven to be the same at both commits, with what it leads to.
///
/// # Errors
/// When the server can't be used.
pub(super) async fn are_alike(
    repository: &Repository,
    mut globs: Vec<String>,
    one: &CommitId,
    other: &CommitId,
) -> Result<bool, RepositoryError> {
    if globs.iter().any(|glob| glob == WHOLE) {
        globs = vec![WHOLE.to_owned()];
    }
    for _ in 0..MOST_STEPS {
        let Some(all) = all_of(&globs) else { break };
        let there = repository.files_at(one, &all).await?;
        let here = repository.files_at(other, &all).await?;
        if there != here {
            break;
        }
        // What is made of files elsewhere, such as a base of Kustomize's, may have changed there.
        let Some(elsewhere) = led_to(&here) else {
            break;
        };
        if globs == [WHOLE] {
            return Ok(true);
        }
        let known = globs.len();
        for path in elsewhere {
            let below = below(&path);
            for glob in [path, below] {
                if !globs.contains(&glob) {
                    globs.push(glob);
                }
            }
        }
        if globs.len() == known {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One glob of all: by itself each would have to match something, and a value file need not be there.
fn all_of(globs: &[String]) -> Option<FileSelection> {
    let is_plain = |glob: &String| !glob.contains(['{', '}', ',']);
    let glob = match globs {
        [one] => one.parse(),
        all if all.iter().all(is_plain) => format!("{{{}}}", all.join(",")).parse(),
        _ => return None,
    };
    Some(FileSelection {
        include: vec![glob.ok()?],
        ..FileSelection::default()
    })
}

/// The paths in the repository that files name with `../`, as a kustomization names its base; none where one of them
/// can't be told, or leads out of it.
fn led_to(files: &[ManifestFile]) -> Option<Vec<String>> {
    let is_of_a_path = |c: char| c.is_alphanumeric() || "./_-+~@".contains(c);
    let mut found = Vec::new();
    for file in files {
        // What is no text, such as a picture, names nothing.
        if !file.bytes.windows(3).any(|bytes| bytes == b"../") {
            continue;
        }
        let text = std::str::from_utf8(&file.bytes).ok()?;
        let folder = file.path.as_str().rsplit_once('/');
        let folder = folder.map_or("", |(folder, _)| folder);
        for line in text.lines() {
            let mut rest = line;
            while let Some(at) = rest.find("../") {
                let (before, behind) = rest.split_at(at);
                let start = before.trim_end_matches(is_of_a_path).len();
                let end = at + behind.find(|c| !is_of_a_path(c)).unwrap_or(behind.len());
                let (path, behind) = (rest.get(start..end)?, rest.get(end..)?);
                // A path may go on behind what is not read as one.
                let quoteless = behind.trim_start_matches(['"', '\'', ',', ']', '}']);
                let is_end = quoteless.trim_start().is_empty()
                    || quoteless.starts_with(char::is_whitespace)
                        && quoteless.trim_start().starts_with('#')
                    || behind.starts_with(['"', '\'', ',', ']', '}']);
                if !is_end {
                    return None;
                }
                let path = joined(folder, path).filter(|_| !path.starts_with('/'))?;
                if !found.contains(&path) {
                    found.push(path);
                }
                rest = behind;
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(path: &str, text: &str) -> Option<Vec<String>> {
        led_to(&[ManifestFile {
            path: path.parse().unwrap(),
            bytes: text.as_bytes().to_vec(),
        }])
    }

    #[test]
    fn what_a_file_names_beside_its_folder_is_found_within_the_repository() {
        for (path, text, expected) in [
            (
                "web/prod/kustomization.yaml",
                "resources:\n- ../base\n- ../../common/web/\n",
                &["web/base", "common/web"][..],
            ),
            (
                "web/prod/kustomization.yaml",
                "resources: [../base, '../x.yaml', \"../y\"]\n",
                &["web/base", "web/x.yaml", "web/y"],
            ),
            (
                "web/prod/kustomization.yaml",
                "- ../base # ours\n- ../base\n- ./../base\n",
                &["web/base"],
            ),
            ("web/kustomization.yaml", "- a/../b\n", &["web/b"]),
            ("web/kustomization.yaml", "- base\n", &[]),
        ] {
            let found = led(path, text).unwrap();
            assert_eq!(found, expected, "{text}");
        }
        for text in [
            "- ../../../base\n",
            "- ../..\n- ../../\n",
            "- /../base\n",
            "- https://host/a/../b\n",
            "- ../my base\n",
            "- ../{{ env }}\n",
            "- ../*.yaml\n",
            "cp ../a ../b\n",
        ] {
            assert_eq!(led("web/prod/kustomization.yaml", text), None, "{text}");
        }
    }
}
