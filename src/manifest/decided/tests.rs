use super::*;
use crate::manifest::{EditRequest, ManifestFile, plan};

const WEB: &str = "kind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  containers:\n  - name: web\n    image: ghcr.io/acme/web:v1\n  - name: worker\n    image: ghcr.io/acme/web:v1\n";

/// What `lines` ask for, each with the input that it is of.
fn request(lines: &str) -> EditRequest {
    let mut request = EditRequest::default();
    for line in lines.lines() {
        let (input, value) = line.split_once(": ").unwrap();
        match input {
            "image" => request.images.push(value.parse().unwrap()),
            "path" => request.paths.push(value.parse().unwrap()),
            "set" => request.set.push(value.parse().unwrap()),
            "remove" => request.remove.push(value.parse().unwrap()),
            "resource" => request.resources.push(value.parse().unwrap()),
            _ => panic!("{input}"),
        }
    }
    request
}

/// What `lines` plan on a file that says `text`, and what it says then.
fn planned(text: &str, lines: &str) -> (Plan, String) {
    let file = ManifestFile {
        path: "web.yaml".parse().unwrap(),
        bytes: text.into(),
    };
    let plan = plan(&[file], &request(lines)).unwrap();
    let after = plan.edits.first().map(|edit| edit.after.clone());
    let after = after.map_or(text.to_owned(), |after| String::from_utf8(after).unwrap());
    (plan, after)
}

/// What is lost where `second` is planned on a target that says `now`, and takes the place of a branch.
fn lost(from: Option<&str>, branch: Option<&str>, now: &str, second: &str) -> Vec<String> {
    let (plan, planned) = planned(now, second);
    let states = States {
        from: from.map(str::as_bytes),
        branch: branch.map(str::as_bytes),
        target: Some(now.as_bytes()),
        planned: Some(planned.as_bytes()),
    };
    let decided = Decided::of(&plan, Vec::new());
    let lost = decided.undecided(&"web.yaml".parse().unwrap(), states);
    let told = lost.into_iter().map(|one| match one {
        Undecided::Image(held) => held.to_string(),
        Undecided::Value(change) => format!("{} {:?}", change.path, change.new),
        Undecided::File(file) => file.to_string(),
    });
    told.collect()
}

/// The same of a branch that `first` was made for, on what the target said at first.
fn replaced(from: &str, first: &str, now: &str, second: &str) -> Vec<String> {
    let (_, branch) = planned(from, first);
    assert_ne!(branch, from, "{first}");
    lost(Some(from), Some(&branch), now, second)
}

const NOTHING: &[&str] = &[];

#[test]
fn another_place_is_lost() {
    let two = format!("{WEB}---\n{}", WEB.replace("name: web}", "name: api}"));
    for (from, first, second, expected) in [
        (
            WEB,
            "image: web=ghcr.io/acme/web:v2",
            "image: worker=ghcr.io/acme/web:v2",
            &["ghcr.io/acme/web:v2 (container web, Deployment/web, web.yaml line 7)"][..],
        ),
        (
            &two,
            "image: web=ghcr.io/acme/web:v2\nresource: Deployment/web",
            "image: web=ghcr.io/acme/web:v2\nresource: Deployment/api",
            &["ghcr.io/acme/web:v2 (container web, Deployment/web, web.yaml line 7)"],
        ),
        // A part of it.
        (
            WEB,
            "image: ghcr.io/acme/web:v2",
            "image: web=ghcr.io/acme/web:v3",
            &["ghcr.io/acme/web:v2 (container worker, Deployment/web, web.yaml line 9)"],
        ),
        (
            WEB,
            "image: ghcr.io/acme/web:v2\nset: .spec.replicas:=3",
            "image: ghcr.io/acme/web:v2",
            &[".spec.replicas Some(\"3\")"],
        ),
        (
            WEB,
            "remove: .spec.replicas",
            "image: ghcr.io/acme/web:v2",
            &[".spec.replicas None"],
        ),
        (
            WEB,
            "set: .spec.paused:=true",
            "set: .spec.replicas:=3",
            &[".spec.paused Some(\"true\")"],
        ),
        // They have one place, and nothing but their order.
        (
            "images:\n- ghcr.io/acme/web:v1\n- ghcr.io/acme/api:v1\n",
            "image: ghcr.io/acme/web:v2",
            "image: ghcr.io/acme/api:v2",
            &["ghcr.io/acme/web:v2 (web.yaml line 2)"],
        ),
        (
            "a: {version: v1}\nb: {version: v1}\n",
            "image: ghcr.io/acme/web:v2\npath: .a.version",
            "image: ghcr.io/acme/web:v2\npath: .b.version",
            &[".a.version Some(\"v2\")"],
        ),
    ] {
        assert_eq!(replaced(from, first, from, second), expected, "{second}");
        // The target went its own way meanwhile.
        let now = format!("# mine\n{from}");
        let found = replaced(from, first, &now, second);
        assert_eq!(found, expected, "{second}");
        // Nobody knows where the branch began.
        let (_, branch) = planned(from, first);
        assert_eq!(lost(None, Some(&branch), &now, second), expected);
    }
}

#[test]
fn a_newer_one_of_the_same_places_takes_them_over() {
    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let args = "kind: Pod\nmetadata: {name: web}\nspec:\n  args:\n  - a\n  env:\n  - {name: A, value: x}\n  - {name: B, value: x}\n";
    let helm = "image:\n  repository: ghcr.io/acme/web\n  tag: v1\n  digest: \"\"\n";
    for (from, first, second) in [
        (
            WEB,
            "image: ghcr.io/acme/web:v2",
            "image: ghcr.io/acme/web:v3",
        ),
        (
            WEB,
            "image: web=ghcr.io/acme/web:v2",
            "image: ghcr.io/acme/web:v3",
        ),
        // Right already at the target.
        (
            WEB,
            "image: ghcr.io/acme/web:v2",
            "image: ghcr.io/acme/web:v1\nset: .spec.replicas:=2",
        ),
        (
            WEB,
            "image: ghcr.io/acme/web:v2",
            &format!("image: ghcr.io/acme/web:v3@{DIGEST}"),
        ),
        (
            WEB,
            &format!("image: ghcr.io/acme/web:v2@{DIGEST}"),
            "image: ghcr.io/acme/web:v3",
        ),
        (
            helm,
            &format!("image: ghcr.io/acme/web:v2@{DIGEST}"),
            "image: ghcr.io/acme/web:v3",
        ),
        (
            helm,
            "image: ghcr.io/acme/web:v2",
            &format!("image: ghcr.io/acme/web:v3@{DIGEST}"),
        ),
        // A tag alone, and one that only its path tells.
        (
            "image: {tag: v1}\n",
            "image: ghcr.io/acme/web:v2",
            "image: ghcr.io/acme/web:v3",
        ),
        (
            "a: {version: v1}\nb: {version: v1}\n",
            "image: ghcr.io/acme/web:v2\npath: .a.version",
            "image: ghcr.io/acme/web:v3\npath: .a.version",
        ),
        (
            "kind: Kustomization\nimages:\n- name: web\n  newTag: v1\n",
            "image: web:v2",
            "image: web:v3",
        ),
        (
            "images:\n- web:v1\n- api:v1\n",
            "image: api:v2",
            "image: api:v3",
        ),
        (WEB, "set: .spec.replicas:=2", "set: .spec.replicas:=3"),
        (
            WEB,
            "set: .spec.replicas:=2",
            "set: .spec.replicas:=1\nset: .spec.paused:=true",
        ),
        (WEB, "set: .spec.paused:=true", "set: .spec.paused:=false"),
        (
            WEB,
            "set: .spec.strategy:={type: Recreate}",
            "set: .spec.strategy:={type: RollingUpdate}",
        ),
        (WEB, "remove: .spec.replicas", "set: .spec.replicas:=3"),
        (WEB, "set: .spec.replicas:=3", "remove: .spec.replicas"),
        (args, "set: .spec.args[+]=b", "set: .spec.args[+]=c"),
        (args, "set: .spec.args[0]=b", "set: .spec.args[0]=c"),
        (
            args,
            "set: .spec.env[name=B].value=y",
            "set: .spec.env[name=B].value=z",
        ),
        (
            args,
            "set: .spec.env[name=C].value:=y",
            "set: .spec.env[name=C].value:=z",
        ),
        (
            "kind: ConfigMap\nmetadata: {name: a}\ndata:\n  a.yaml: |\n    log: {level: info}\n    port: 80\n",
            "set: .data[\"a.yaml\"].log.level=debug",
            "set: .data[\"a.yaml\"].log.level=warn",
        ),
        (
            "kind: Application\nmetadata: {name: a}\nspec:\n  values: |\n    image: {repository: ghcr.io/acme/web, tag: v1}\n    port: 80\n",
            "image: ghcr.io/acme/web:v2",
            "image: ghcr.io/acme/web:v3",
        ),
    ] {
        assert_eq!(replaced(from, first, from, second), NOTHING, "{second}");
        // Lines that others wrote, and that the branch does not know.
        let now = format!("{from}others: [1, 2]\n");
        assert_eq!(replaced(from, first, &now, second), NOTHING, "{second}");
        let (_, branch) = planned(from, first);
        assert_eq!(lost(None, Some(&branch), from, second), NOTHING, "{second}");
    }
}

#[test]
fn what_the_target_holds_as_well_is_not_lost() {
    let (first, second) = (
        "image: web=ghcr.io/acme/web:v2",
        "image: worker=ghcr.io/acme/web:v2",
    );
    let merged = WEB.replacen(":v1", ":v2", 1);
    assert_eq!(replaced(WEB, first, &merged, second), NOTHING);
    // In other words.
    let quoted = merged.replace("ghcr.io/acme/web:v2", "\"ghcr.io/acme/web:v2\"");
    let quoted = format!("# By hand.\n\n{quoted}");
    assert_eq!(replaced(WEB, first, &quoted, second), NOTHING);
    // Another one came there: what is proposed would still be.
    let newer = WEB.replacen(":v1", ":v3", 1);
    assert_eq!(replaced(WEB, first, &newer, second).len(), 1);
}

#[test]
fn what_others_did_to_the_target_is_nothing_of_the_branch() {
    let (first, second) = ("image: ghcr.io/acme/web:v2", "image: ghcr.io/acme/web:v3");
    for (old, new) in [
        ("replicas: 1", "replicas: 5"),
        ("replicas: 1", "replicas: 1\n  paused: true"),
        ("  replicas: 1\n", ""),
        (
            "  containers:\n",
            "  containers:\n  - name: log\n    image: log:v7\n",
        ),
        ("kind: Deployment", "# mine\nkind:   Deployment"),
    ] {
        let now = WEB.replace(old, new);
        assert_ne!(now, WEB);
        assert_eq!(replaced(WEB, first, &now, second), NOTHING, "{new}");
    }
    // The same in a list whose items have no names.
    let args = "spec:\n  args: [a, b]\n  replicas: 1\n";
    let now = args.replace("[a, b]", "[z, a, b]");
    let replicas = |to: u8| format!("set: .spec.replicas:={to}");
    assert_eq!(replaced(args, &replicas(2), &now, &replicas(3)), NOTHING);
}

/// What others call by another name is the same to whoever merges the branch.
#[test]
fn a_place_whose_object_has_another_name_is_the_same() {
    let now = WEB.replace("kind: Deployment", "kind: StatefulSet");
    let (all, one) = (
        "image: ghcr.io/acme/web:v2",
        "image: web=ghcr.io/acme/web:v2",
    );
    assert_eq!(
        replaced(WEB, all, &now, "image: ghcr.io/acme/web:v3"),
        NOTHING
    );
    assert_eq!(
        replaced(WEB, one, &now, "image: web=ghcr.io/acme/web:v3"),
        NOTHING
    );
    assert_eq!(
        replaced(WEB, one, &now, "image: worker=ghcr.io/acme/web:v2"),
        ["ghcr.io/acme/web:v2 (container web, Deployment/web, web.yaml line 7)"]
    );
    // Where that is in conflict, nobody knows.
    let now = now.replacen(":v1", ":v1.1", 1);
    let found = replaced(WEB, one, &now, "image: worker=ghcr.io/acme/web:v2");
    assert_eq!(
        found,
        ["ghcr.io/acme/web:v2 (container web, Deployment/web, web.yaml line 7)"]
    );
}

#[test]
fn what_is_left_out_for_now_is_decided_about() {
    let (first, second) = (
        "image: web=ghcr.io/acme/web:v2",
        "image: worker=ghcr.io/acme/web:v2",
    );
    let (_, branch) = planned(WEB, first);
    let (plan, after) = planned(WEB, second);
    let left_out = planned(WEB, "image: web=ghcr.io/acme/web:v3").0.images;
    let states = States {
        from: Some(WEB.as_bytes()),
        branch: Some(branch.as_bytes()),
        target: Some(WEB.as_bytes()),
        planned: Some(after.as_bytes()),
    };
    let file = "web.yaml".parse().unwrap();
    let decided = |left_out| Decided::of(&plan, left_out).undecided(&file, states);
    assert_eq!(decided(Vec::new()).len(), 1);
    assert_eq!(decided(left_out), Vec::new());
}

#[test]
fn what_can_not_be_compared_is_not_known() {
    let second = "image: ghcr.io/acme/web:v2";
    let untold = ["web.yaml"];
    assert_eq!(lost(Some(WEB), None, WEB, second), untold);
    assert_eq!(lost(Some(WEB), Some("a: ["), WEB, second), untold);
    // It is the same, or nobody changed it on the branch.
    let (_, same) = planned(WEB, second);
    assert_eq!(lost(None, Some(&same), WEB, second), NOTHING);
    assert_eq!(lost(Some("a: ["), Some("a: ["), WEB, second), NOTHING);
    // Of what can't be read nothing was the branch's before.
    assert_eq!(lost(Some("a: ["), Some(&same), WEB, second), NOTHING);
    let scaled = WEB.replace("replicas: 1", "replicas: 2");
    assert_eq!(
        lost(Some("a: ["), Some(&scaled), WEB, second),
        [".spec.replicas Some(\"2\")"]
    );
    // The target has it no more.
    let states = States {
        from: Some(WEB.as_bytes()),
        branch: Some(scaled.as_bytes()),
        target: None,
        planned: None,
    };
    let file: RepoPath = "web.yaml".parse().unwrap();
    let found = Decided::default().undecided(&file, states);
    assert_eq!(found, [Undecided::File(file)]);
}
