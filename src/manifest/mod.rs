//! Where images live in manifests, and what to change so that they are the ones asked for.
//!
//! Pure: file texts in, file texts out. [`plan`] finds the sites that each requested image belongs
//! to, and has [`crate::yaml`] change them; it knows what Kubernetes means by a key, and nothing of
//! bytes.

mod error;
mod request;
mod site;
mod workload;

use std::collections::BTreeMap;

use crate::files::RepoPath;
use crate::yaml::{self, Edit, NewValue, NodeId, Stream};

pub use error::{HeldImage, ManifestError};
pub use request::{EditRequest, ImageAssignment, ImageAssignmentError};
pub use site::Obstacle;

use site::{Holder, Site};

/// A file as it is in Git.
#[derive(Debug, Clone)]
pub struct ManifestFile {
    /// Where it is.
    pub path: RepoPath,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// What to write so that a request is fulfilled, and what that changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The files whose bytes differ, in the order the files were given.
    pub edits: Vec<FileEdit>,
    /// Every place that was asked for, in the order of the files; also where it already held the
    /// image.
    pub images: Vec<ImageChange>,
}

/// A file before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// Where it is.
    pub path: RepoPath,
    /// What it said.
    pub before: Vec<u8>,
    /// What it shall say.
    pub after: Vec<u8>,
}

/// One place that held an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChange {
    /// The file.
    pub file: RepoPath,
    /// From 1.
    pub line: usize,
    /// `Rollout/web`; the kind alone where there is no name; the name of the file where there is
    /// no kind.
    pub resource: String,
    /// The name of the container, where the place is in a list of containers.
    pub container: Option<String>,
    /// `.spec.template.spec.containers[0].image`, within its document.
    pub path: String,
    /// The image that was there.
    pub old: String,
    /// The image that shall be there. Equals `old` where nothing had to change.
    pub new: String,
}

/// What to do to `files` so that they hold what `request` asks for.
///
/// # Errors
/// [`ManifestError`]: a file that can't be edited, a request that meets nothing, or two requests
/// that contradict each other. No part of the request is planned then.
pub fn plan(files: &[ManifestFile], request: &EditRequest) -> Result<Plan, ManifestError> {
    let manifests: Vec<Manifest<'_>> = files
        .iter()
        .map(Manifest::read)
        .collect::<Result<_, ManifestError>>()?;
    for assignment in &request.images {
        if !manifests.iter().any(|manifest| manifest.holds(assignment)) {
            return Err(error::nothing_found(&manifests, assignment));
        }
    }
    let mut plan = Plan::default();
    for manifest in &manifests {
        let targets = manifest.targets(&request.images)?;
        plan.images.extend(manifest.changes(&targets));
        plan.edits.extend(manifest.edited(targets)?);
    }
    Ok(plan)
}

/// A file that has been read, and the sites in it.
struct Manifest<'f> {
    file: &'f ManifestFile,
    stream: Stream<'f>,
    sites: Vec<Site>,
}

/// What is to become of a file's sites, and of the scalars that make them up.
#[derive(Default)]
struct Targets<'r> {
    /// For each site that is asked for, by its number: the assignment, and how the site reads then.
    sites: BTreeMap<usize, (&'r ImageAssignment, String)>,
    scalars: BTreeMap<NodeId, NewValue>,
}

impl<'f> Manifest<'f> {
    fn read(file: &'f ManifestFile) -> Result<Self, ManifestError> {
        if file.bytes.starts_with(LFS_POINTER) {
            return Err(ManifestError::LfsPointer {
                file: file.path.clone(),
            });
        }
        let stream = Stream::parse(&file.bytes)
            .map_err(|source| error::invalid(&file.path, &file.bytes, source))?;
        let sites = Site::all(&stream);
        Ok(Self {
            file,
            stream,
            sites,
        })
    }

    fn holds(&self, assignment: &ImageAssignment) -> bool {
        self.sites.iter().any(|site| site.is_meant_by(assignment))
    }

    /// The sites that `assignments` are about, and what is to be written there.
    fn targets<'r>(
        &self,
        assignments: &'r [ImageAssignment],
    ) -> Result<Targets<'r>, ManifestError> {
        let mut targets = Targets::default();
        for (number, site) in self.sites.iter().enumerate() {
            let mut meant = assignments.iter().filter(|line| site.is_meant_by(line));
            let Some(assignment) = meant.next() else {
                continue;
            };
            if let Some(other) = meant.find(|other| other.image != assignment.image) {
                return Err(error::contradiction(self, site, assignment, other));
            }
            match &site.holder {
                Holder::Follows(..) => {}
                _ => {
                    let (edits, new) = site
                        .write(&self.stream, &assignment.image)
                        .map_err(|obstacle| error::unwritable(self, site, obstacle))?;
                    targets
                        .scalars
                        .extend(edits.into_iter().map(|edit| (edit.node, edit.value)));
                    targets.sites.insert(number, (assignment, new));
                }
            }
        }
        self.add_aliases(assignments, &mut targets)?;
        Ok(targets)
    }

    /// An alias is no target of its own: it is where it should be when its anchor is.
    fn add_aliases<'r>(
        &self,
        assignments: &'r [ImageAssignment],
        targets: &mut Targets<'r>,
    ) -> Result<(), ManifestError> {
        for (number, site) in self.sites.iter().enumerate() {
            let Holder::Follows(anchor, obstacle) = &site.holder else {
                continue;
            };
            let Some(assignment) = assignments.iter().find(|line| site.is_meant_by(line)) else {
                continue;
            };
            let image = assignment.image.to_string();
            match targets.scalars.get(anchor) {
                Some(NewValue::Text(new)) if *new == image => {
                    targets.sites.insert(number, (assignment, image));
                }
                _ if site.text == image => {
                    targets.sites.insert(number, (assignment, image));
                }
                _ => return Err(error::unwritable(self, site, obstacle.clone())),
            }
        }
        Ok(())
    }

    /// What `targets` mean to a person.
    fn changes(&self, targets: &Targets<'_>) -> Vec<ImageChange> {
        targets
            .sites
            .iter()
            .filter_map(|(number, (_, new))| {
                let site = self.sites.get(*number)?;
                Some(ImageChange {
                    file: self.file.path.clone(),
                    line: self.stream[site.node].line,
                    resource: self.resource(site.node),
                    container: site.container.clone(),
                    path: yaml::path::path_of(&self.stream, site.node),
                    old: site.text.clone(),
                    new: new.clone(),
                })
            })
            .collect()
    }

    /// The file with `targets` written. None if it says so already.
    fn edited(&self, targets: Targets<'_>) -> Result<Option<FileEdit>, ManifestError> {
        let edits: Vec<Edit> = targets
            .scalars
            .into_iter()
            .map(|(node, value)| Edit { node, value })
            .collect();
        let after =
            yaml::edit::apply(&self.stream, &edits).map_err(|source| ManifestError::Edit {
                file: self.file.path.clone(),
                source,
            })?;
        if after == self.file.bytes {
            return Ok(None);
        }
        Ok(Some(FileEdit {
            path: self.file.path.clone(),
            before: self.file.bytes.clone(),
            after,
        }))
    }

    /// What a person calls the object that `node` belongs to: the innermost one around it, so that
    /// the items of a List are told apart.
    fn resource(&self, node: NodeId) -> String {
        let text = |mapping, key| {
            self.stream
                .get(mapping, key)
                .and_then(|value| self.stream.value(value))
        };
        let named = self.stream.ancestors(node).find_map(|mapping| {
            let kind = text(mapping, "kind")?;
            let metadata = self.stream.get(mapping, "metadata")?;
            let name = text(metadata, "name").or_else(|| text(metadata, "generateName"))?;
            Some(format!("{kind}/{name}"))
        });
        let root = self.stream.ancestors(node).last();
        named
            .or_else(|| Some(text(root?, "kind")?.to_owned()))
            .unwrap_or_else(|| self.file.path.file_name().to_owned())
    }
}

/// How a file begins that Git LFS keeps elsewhere (git-lfs, docs/spec.md).
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[(&str, &str)]) -> Vec<ManifestFile> {
        texts
            .iter()
            .map(|(path, text)| ManifestFile {
                path: path.parse().unwrap(),
                bytes: text.as_bytes().to_vec(),
            })
            .collect()
    }

    fn request(images: &[&str]) -> EditRequest {
        EditRequest {
            images: images.iter().map(|line| line.parse().unwrap()).collect(),
        }
    }

    /// The plan for one file, `web.yaml`.
    fn plan_one(text: &str, images: &[&str]) -> Result<Plan, ManifestError> {
        plan(&files(&[("web.yaml", text)]), &request(images))
    }

    #[track_caller]
    fn check(before: &str, images: &[&str], after: &str) {
        let plan = plan_one(before, images).unwrap();
        let text = match plan.edits.as_slice() {
            [edit] => String::from_utf8(edit.after.clone()).unwrap(),
            _ => before.to_owned(),
        };
        assert_eq!(text, after);
    }

    fn refusal(text: &str, images: &[&str]) -> String {
        plan_one(text, images).unwrap_err().to_string()
    }

    const WEB: &str = r#"# The blog's front end: Hugo behind nginx.
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: web
  namespace: blog-system

spec:
  replicas: 2
  template:
    spec:
      initContainers:
        - name: warm-up
          image: busybox:1.36   # small on purpose

      containers:
        - name: nginx
          # Written by the pipeline. Do not edit by hand.
          image: "ghcr.io/wlals2/blog-web:v13"  # {"$imagepolicy": "flux-system:web"}

          ports:
            - containerPort: 80
        - name: 'log'
          image: docker.io/library/busybox:1.36
"#;

    #[test]
    fn a_rollout_gets_its_image_and_nothing_else() {
        let after = WEB.replace("blog-web:v13", "blog-web:v14");
        check(WEB, &["ghcr.io/wlals2/blog-web:v14"], &after);
        check(WEB, &["nginx=ghcr.io/wlals2/blog-web:v14"], &after);
        check(&after, &["ghcr.io/wlals2/blog-web:v14"], &after);
    }

    #[test]
    fn a_plan_says_what_changes_where() {
        let plan = plan_one(WEB, &["ghcr.io/wlals2/blog-web:v14"]).unwrap();
        assert_eq!(
            plan.images,
            [ImageChange {
                file: "web.yaml".parse().unwrap(),
                line: 19,
                resource: "Rollout/web".into(),
                container: Some("nginx".into()),
                path: ".spec.template.spec.containers[0].image".into(),
                old: "ghcr.io/wlals2/blog-web:v13".into(),
                new: "ghcr.io/wlals2/blog-web:v14".into(),
            }]
        );
        assert_eq!(plan.edits.len(), 1);
    }

    #[test]
    fn a_site_that_already_holds_the_image_is_named_and_not_edited() {
        let plan = plan_one(WEB, &["ghcr.io/wlals2/blog-web:v13"]).unwrap();
        assert!(plan.edits.is_empty());
        assert_eq!(plan.images[0].old, plan.images[0].new);
    }

    #[test]
    fn every_site_of_the_repository_is_written() {
        check(
            WEB,
            &["busybox:1.37"],
            &WEB.replace("docker.io/library/busybox:1.36", "busybox:1.37")
                .replace("busybox:1.36", "busybox:1.37"),
        );
    }

    #[test]
    fn several_images_and_several_files_are_one_plan() {
        let files = files(&[
            ("a.yaml", "containers: [{image: a:1}, {image: b:1}]\n"),
            ("b.yaml", "containers: [{name: b, image: b:2}]\n"),
            ("c.yaml", "containers: [{image: a:1}]\n"),
        ]);
        let plan = plan(&files, &request(&["a:1", "b=b:3", "b:3"])).unwrap();
        let edited: Vec<&str> = plan.edits.iter().map(|edit| edit.path.as_str()).collect();
        assert_eq!(edited, ["a.yaml", "b.yaml"]);
        assert_eq!(plan.images.len(), 4);
    }

    #[test]
    fn every_kind_and_depth_is_found() {
        for text in [
            "kind: Pod\nspec:\n  containers:\n  - image: a:1\n",
            "kind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: a:1}]}}}}}\n",
            "kind: List\nitems:\n- kind: Pod\n  spec:\n    initContainers:\n    - {image: 'a:1'}\n",
            "kind: X\n---\nkind: Widget\nspec:\n  ephemeralContainers:\n  - image: &x a:1\n",
        ] {
            check(text, &["a:2"], &text.replace("a:1", "a:2"));
        }
    }

    #[test]
    fn the_items_of_a_list_are_told_apart() {
        let text = "kind: List\nmetadata: {name: all}\nitems:\n- kind: Pod\n  metadata: {name: one}\n  spec: {containers: [{image: a:1}]}\n";
        let plan = plan_one(text, &["a:2"]).unwrap();
        assert_eq!(plan.images[0].resource, "Pod/one");
        assert_eq!(plan.images[0].path, ".items[0].spec.containers[0].image");
        let plan = plan_one("containers: [{image: a:1}]", &["a:2"]).unwrap();
        assert_eq!(plan.images[0].resource, "web.yaml");
    }

    #[test]
    fn an_alias_follows_its_anchor_and_is_no_target_itself() {
        let text = "containers:\n- image: &i a:1\n- image: *i\n";
        let plan = plan_one(text, &["a:2"]).unwrap();
        assert_eq!(plan.images.len(), 2);
        check(text, &["a:2"], &text.replace("a:1", "a:2"));
        insta::assert_snapshot!(
            refusal("x: &i a:1\ncontainers:\n- image: *i\n", &["a:2"]),
            @"web.yaml, line 3: the image a:1 is the alias `*i`: the value stands at its anchor on line 1, so name that place with `path`"
        );
        insta::assert_snapshot!(
            refusal("x: &c\n  image: a:1\ncontainers:\n- <<: *c\n  name: web\n", &["web=a:2"]),
            @"web.yaml, line 4: the image of container web comes in by the merge key `<<`: the value stands at its anchor on line 2, so name that place with `path`"
        );
        insta::assert_snapshot!(
            refusal("x: &c\n  name: web\n  image: a:1\ncontainers:\n- *c\n", &["web=a:2"]),
            @"web.yaml, line 5: the image a:1 of container web is the alias `*c`: the value stands at its anchor on line 2, so name that place with `path`"
        );
    }

    #[test]
    fn what_cannot_be_written_says_why_and_where() {
        let refusals = [
            "containers: [{name: web}]",
            "containers:\n- name: web\n  image: [a]\n",
            "containers:\n- name: web\n  image: {{ .Values.image }}\n",
            "containers:\n- name: web\n  image: '{{ .Values.image }}:v1'\n",
            "containers:\n- name: web\n  image: \"a\\\n    :1\"\n",
        ]
        .map(|text| refusal(text, &["web=a:2"]));
        insta::assert_snapshot!(refusals.join("\n"), @r#"
        web.yaml, line 1: container web has no `image`: add the key, and this step will keep it up to date
        web.yaml, line 3: the image of container web is a list or a mapping where the image should be a string
        web.yaml, line 3: the image of container web is filled in by a template (`{{ … }}`): change the template's values instead
        web.yaml, line 3: the image {{ .Values.image }}:v1 of container web is filled in by a template (`{{ … }}`): change the template's values instead
        web.yaml, line 3: the image a:1 of container web goes over several lines: write the image on one line
        "#);
    }

    #[test]
    fn an_empty_image_of_a_named_container_is_filled_in() {
        check(
            "containers:\n- name: web\n  image: ''\n",
            &["web=a:2"],
            "containers:\n- name: web\n  image: 'a:2'\n",
        );
        check(
            "containers:\n- image:\n  name: web\n",
            &["web=a:2"],
            "containers:\n- image: a:2\n  name: web\n",
        );
    }

    #[test]
    fn an_image_that_is_nowhere_is_answered_with_those_that_are_there() {
        insta::assert_snapshot!(refusal(WEB, &["ghcr.io/wlals2/blog-wep:v14"]), @r#"
        web.yaml holds no image ghcr.io/wlals2/blog-wep. What is there, nearest first:
        - ghcr.io/wlals2/blog-web:v13 (container nginx, Rollout/web, web.yaml line 19)
        - busybox:1.36 (container warm-up, Rollout/web, web.yaml line 14)
        - docker.io/library/busybox:1.36 (container log, Rollout/web, web.yaml line 24)
        "#);
        insta::assert_snapshot!(refusal(WEB, &["ngnix=ghcr.io/wlals2/blog-web:v14"]), @r#"
        web.yaml has no container ngnix. What is there, nearest first:
        - ghcr.io/wlals2/blog-web:v13 (container nginx, Rollout/web, web.yaml line 19)
        - busybox:1.36 (container warm-up, Rollout/web, web.yaml line 14)
        - docker.io/library/busybox:1.36 (container log, Rollout/web, web.yaml line 24)
        "#);
        insta::assert_snapshot!(refusal("kind: Service\n", &["a:1"]), @"web.yaml holds no image a: there is none at all");
        insta::assert_snapshot!(refusal("kind: Service\n", &["web=a:1"]), @"web.yaml has no container web: there is none at all");
        let many: String = (0..20).map(|n| format!("- image: i{n}:1\n")).collect();
        insta::assert_snapshot!(refusal(&format!("containers:\n{many}"), &["i:1"]), @r#"
        web.yaml holds no image i. What is there, nearest first:
        - i0:1 (web.yaml line 2)
        - i1:1 (web.yaml line 3)
        - i2:1 (web.yaml line 4)
        - i3:1 (web.yaml line 5)
        - i4:1 (web.yaml line 6)
        - i5:1 (web.yaml line 7)
        - i6:1 (web.yaml line 8)
        - i7:1 (web.yaml line 9)
        - i8:1 (web.yaml line 10)
        - i9:1 (web.yaml line 11)
        and 10 more
        "#);
    }

    #[test]
    fn lines_that_contradict_each_other_are_refused() {
        insta::assert_snapshot!(refusal(WEB, &["nginx=a:1", "ghcr.io/wlals2/blog-web:v14"]), @"web.yaml, line 19: nginx=a:1 and ghcr.io/wlals2/blog-web:v14 both mean the image ghcr.io/wlals2/blog-web:v13 of container nginx: keep one of the two lines");
    }

    #[test]
    fn a_file_that_is_no_yaml_is_named_with_line_and_column() {
        insta::assert_snapshot!(
            [
                "a: b\nc: d: e\n",
                "a: b\n{{- if .Values.x }}\nc: d\n{{- end }}\n",
                "a:\n\tb: c\n",
                "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            ]
            .map(|text| refusal(text, &["a:1"]))
            .join("\n"),
            @r#"
            web.yaml can't be read as YAML: line 2, column 5: mapping values are not allowed in this context
            web.yaml, line 2: a template (`{{ … }}`) and not YAML: name the file that holds its values instead
            web.yaml can't be read as YAML: line 2, column 2: tabs disallowed within this context (block indentation)
            web.yaml is a Git LFS pointer: its text is not in Git, so it can't be edited there
            "#
        );
        let binary = ManifestFile {
            path: "a.yaml".parse().unwrap(),
            bytes: b"\xff".to_vec(),
        };
        insta::assert_snapshot!(plan(&[binary], &request(&["a:1"])).unwrap_err(), @"a.yaml can't be read as YAML: line 1: the file is not UTF-8 text");
    }
}
