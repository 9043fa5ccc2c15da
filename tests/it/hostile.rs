//! A server that means harm: whatever it sends, a run ends soon after its `timeout`, in 512 MB, and
//! says which limit was exceeded.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gitops_deploy::repository::{ObjectId, ObjectKind};

use crate::support::{ARGOCD_TOKEN, Action, GitServer, Outcome, Repository, TOKEN, listen};

/// What the tests give as `timeout`.
pub(crate) const TIMEOUT: u64 = 2;
/// What is promised: `timeout`, and two seconds.
const PROMISED: Duration = Duration::from_secs(TIMEOUT + 2);

/// What a server answers to a POST.
#[derive(Clone)]
struct Hostile {
    tip: ObjectId,
    /// What stands between the advertisement and the pack.
    before: Vec<u8>,
    pack: Vec<u8>,
    /// Sent again and again behind `pack`, for ever.
    endless: Vec<u8>,
    capabilities: &'static str,
    /// Whether a request for references is answered like that as well, and not as one of a version of
    /// the protocol that is not known.
    lists: bool,
}

/// With these a server gives out files by their ids.
const PARTIAL: &str =
    "multi_ack shallow ofs-delta filter allow-tip-sha1-in-want allow-reachable-sha1-in-want";
const PLAIN: &str = "multi_ack shallow ofs-delta";

impl Hostile {
    fn sending(tip: ObjectId, objects: &[Vec<u8>]) -> Self {
        Self {
            tip,
            before: b"0008NAK\n".to_vec(),
            pack: pack(objects),
            endless: Vec::new(),
            capabilities: PLAIN,
            lists: false,
        }
    }

    /// Serves on loopback until the test ends, and returns the repository's URL.
    fn serve(self) -> String {
        let address = listen(move |stream| {
            self.answer(stream);
        });
        format!("http://{address}/acme/deploy")
    }

    fn answer(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let mut stream = stream;
        if body.starts_with(b"0014command=ls-refs") && !self.lists {
            let refused =
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return stream.write_all(refused).ok();
        }
        let mut send = |kind: &str, body: &[u8]| {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{kind}\r\n\
                 Connection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).ok()?;
            stream.write_all(body).ok()
        };
        if head.starts_with("GET") {
            let references = format!(
                "{} HEAD\0{} symref=HEAD:refs/heads/main\n",
                self.tip, self.capabilities
            );
            let main = format!("{} refs/heads/main\n", self.tip);
            let body = [packet(&references), packet(&main), b"0000".to_vec()].concat();
            return send("advertisement", &body);
        }
        send("result", &[&self.before[..], &self.pack].concat())?;
        while !self.endless.is_empty() {
            stream.write_all(&self.endless).ok()?;
        }
        Some(())
    }
}

fn packet(line: &str) -> Vec<u8> {
    format!("{:04x}{line}", line.len() + 4).into_bytes()
}

fn pack(objects: &[Vec<u8>]) -> Vec<u8> {
    let count = (objects.len() as u32).to_be_bytes();
    let head = [&b"PACK\0\0\0\x02"[..], &count].concat();
    // Nobody looks at the checksum.
    [&head[..], &objects.concat(), &[0; 20]].concat()
}

/// An object as packs have it: of this form, behind its base's name.
fn packed(form: u8, base: &[u8], content: &[u8]) -> Vec<u8> {
    let mut size = content.len() >> 4;
    let mut packed = vec![form << 4 | (content.len() & 0x0f) as u8];
    while size > 0 {
        *packed.last_mut().unwrap() |= 0x80;
        packed.push((size & 0x7f) as u8);
        size >>= 7;
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    [&packed[..], base, &encoder.finish().unwrap()].concat()
}

const COMMIT: u8 = 1;
const TREE: u8 = 2;
const BLOB: u8 = 3;
const DELTA: u8 = 7;

/// A commit of `tree`, and its id.
fn commit(tree: ObjectId, message: &[u8]) -> (ObjectId, Vec<u8>) {
    commit_on("", tree, message)
}

/// A commit of `tree` behind another one.
fn child(parent: ObjectId, tree: ObjectId) -> (ObjectId, Vec<u8>) {
    commit_on(&format!("parent {parent}\n"), tree, b"refactor: rename\n")
}

fn commit_on(parent: &str, tree: ObjectId, message: &[u8]) -> (ObjectId, Vec<u8>) {
    commit_by("A", parent, tree, message)
}

fn commit_by(author: &str, parents: &str, tree: ObjectId, message: &[u8]) -> (ObjectId, Vec<u8>) {
    let who = "<a@example.com> 1700000000 +0000";
    let head = format!("tree {tree}\n{parents}author {author} {who}\ncommitter A {who}\n\n");
    let content = [head.as_bytes(), message].concat();
    let id = ObjectId::of(ObjectKind::Commit, &content);
    (id, packed(COMMIT, b"", &content))
}

/// A tree that has `id` under each of `names`, and its id.
fn tree(mode: &str, names: impl Iterator<Item = String>, id: ObjectId) -> (ObjectId, Vec<u8>) {
    let entries = names.map(|name| [format!("{mode} {name}\0").as_bytes(), id.as_bytes()].concat());
    let content = entries.collect::<Vec<_>>().concat();
    let id = ObjectId::of(ObjectKind::Tree, &content);
    (id, packed(TREE, b"", &content))
}

fn blob(content: &[u8]) -> (ObjectId, Vec<u8>) {
    let id = ObjectId::of(ObjectKind::Blob, content);
    (id, packed(BLOB, b"", content))
}

const MANIFEST: &[u8] = b"kind: Pod\nspec:\n  containers:\n  - name: web\n    image: acme/web:v1\n";

/// A run that may have 512 MB of addresses, and its failure.
fn run(url: &str, operation: &str, file: &str) -> Outcome {
    let action = Action::new()
        .input("operation", operation)
        .input("repository", url)
        .input("file", file)
        .input("timeout", TIMEOUT.to_string());
    let action = match operation {
        "update" => action.input("image", "acme/web:v2"),
        _ => action,
    };
    bounded(action)
}

/// Runs with 512 MB of addresses, and looks at the clock.
pub(crate) fn bounded(action: Action) -> Outcome {
    let outcome = in_512_mb(action);
    assert!(outcome.elapsed < PROMISED * 10, "{:?}", outcome.elapsed);
    outcome
}

/// Runs with 512 MB of addresses.
fn in_512_mb(action: Action) -> Outcome {
    // No shell: it drops variables that it could not name, such as `INPUT_API-URL`.
    let limited = ["/usr/bin/prlimit", "--as=536870912"];
    let outcome = action.under(limited.map(Into::into)).run();
    let code = outcome.code();
    assert!(matches!(code, Some(0 | 1)), "{code:?}\n{}", outcome.log());
    outcome
}

/// Checks that a run with 512 MB of addresses goes well.
#[track_caller]
fn goes_well_in_512_mb(action: Action) {
    let outcome = in_512_mb(action);
    assert_eq!(outcome.code(), Some(0), "{}", outcome.log());
}

/// Checks that a run was refused for this limit, or came to the end of its time before.
#[track_caller]
fn ends_with(outcome: &Outcome, limit: &str) {
    let (log, error) = (outcome.log(), outcome.errors().concat());
    assert_eq!(outcome.code(), Some(1), "{log}");
    assert!(
        error.contains(limit) || error.contains("`timeout`"),
        "{log}"
    );
}

#[test]
fn an_object_and_a_delta_that_makes_the_same() {
    let (web, whole) = blob(MANIFEST);
    let length = MANIFEST.len() as u8;
    let same = packed(DELTA, web.as_bytes(), &[length, length, 0x90, length]);
    let (root, files) = tree("100644", ["web.yaml".to_owned()].into_iter(), web);
    let (tip, commit) = commit(root, b"feat: it\n");
    let url = Hostile::sending(tip, &[commit, files, whole, same]).serve();
    for operation in ["history", "rollback", "update"] {
        let outcome = run(&url, operation, "web.yaml");
        // There is nobody who takes the push.
        let expected = i32::from(operation != "history");
        assert_eq!(outcome.code(), Some(expected), "{}", outcome.log());
    }
}

/// Ten folders, in each of them the same ten, nine levels deep.
fn folders() -> (ObjectId, Vec<Vec<u8>>) {
    let (mut id, web) = blob(MANIFEST);
    let mut objects = vec![web];
    for level in 0..10 {
        let mode = if level == 0 { "100644" } else { "40000" };
        let (tree, packed) = tree(mode, (0..10).map(|n| n.to_string()), id);
        objects.push(packed);
        id = tree;
    }
    let (tip, commit) = commit(id, b"feat: it\n");
    objects.push(commit);
    (tip, objects)
}

#[test]
fn more_paths_than_can_be_listed() {
    let (tip, objects) = folders();
    let hostile = Hostile::sending(tip, &objects);
    assert!(hostile.pack.len() < 1_000, "{}", hostile.pack.len());
    let url = hostile.serve();
    for file in ["**/*.yaml", "wbe.yaml"] {
        for operation in ["update", "history"] {
            let outcome = run(&url, operation, file);
            ends_with(&outcome, "the limit of 2097152 files and directories");
        }
    }
}

#[test]
fn a_large_file_under_a_thousand_names() {
    let large = [MANIFEST, &b"# padding\n".repeat(1_500_000)].concat();
    let (id, packed) = blob(&large);
    let (root, files) = tree("100644", (0..1_000).map(|n| format!("{n:04}.yaml")), id);
    let (tip, commit) = commit(root, b"feat: it\n");
    let url = Hostile::sending(tip, &[commit, files, packed]).serve();
    for operation in ["update", "history"] {
        let outcome = run(&url, operation, "*.yaml");
        ends_with(&outcome, "the limit of 64 MiB of files read at once");
    }
}

#[test]
fn a_message_that_nobody_reads() {
    let (root, files) = tree("100644", ["web.yaml".to_owned()].into_iter(), blob(b"").0);
    let (tip, commit) = commit(root, &vec![b'x'; 2 << 20]);
    let url = Hostile::sending(tip, &[commit, files, blob(b"").1]).serve();
    for operation in ["update", "history"] {
        let outcome = run(&url, operation, "web.yaml");
        ends_with(&outcome, "the limit of 1 MiB in one commit");
    }
}

/// A server of a branch of so many commits, each of which turns one tree into the other; they are made of the tree
/// and the commit before.
fn to_and_fro(
    trees: [(ObjectId, Vec<Vec<u8>>); 2],
    commits: usize,
    commit: impl Fn(&str, ObjectId) -> (ObjectId, Vec<u8>),
) -> String {
    let [(one, mut objects), (other, others)] = trees;
    objects.extend(others);
    let mut parent = String::new();
    let mut tip = one;
    for number in 0..commits {
        let tree = if number % 2 == 0 { one } else { other };
        let (id, packed) = commit(&parent, tree);
        objects.push(packed);
        parent = format!("parent {id}\n");
        tip = id;
    }
    Hostile::sending(tip, &objects).serve()
}

/// A tree of one file, which says this.
fn of_one(content: &[u8]) -> (ObjectId, Vec<Vec<u8>>) {
    let (id, packed) = blob(content);
    let (root, files) = tree("100644", ["web.yaml".to_owned()].into_iter(), id);
    (root, vec![packed, files])
}

#[test]
fn authors_that_fill_their_commits() {
    let manifest = |tag: &str| of_one(format!("image: acme/web:{tag}\n").as_bytes());
    let name = "A".repeat((1 << 20) - 400);
    let url = to_and_fro([manifest("v1"), manifest("v2")], 130, |parent, tree| {
        commit_by(&name, parent, tree, b"feat: it\n")
    });
    let action = Action::new()
        .input("operation", "history")
        .input("repository", url)
        .input("file", "web.yaml")
        .input("limit", "1000")
        .input("timeout", "300");
    goes_well_in_512_mb(action);
}

#[test]
fn a_small_file_under_many_names() {
    let content = |tag: &str| format!("image: acme/web:{tag}\n");
    // A thousand directories, in each of them the same hundred and twenty files.
    let many = |tag: &str| {
        let (id, packed) = blob(content(tag).as_bytes());
        let names = |most: usize| (0..most).map(|n| format!("{n:04}.yaml"));
        let (inner, files) = tree("100644", names(120), id);
        let (root, directories) = tree("40000", names(1_000), inner);
        (root, vec![packed, files, directories])
    };
    let url = to_and_fro([many("v1"), many("v2")], 20, |parent, tree| {
        commit_on(parent, tree, b"feat: it\n")
    });
    for operation in ["update", "history", "rollback", "status"] {
        let file = if operation == "status" {
            "{stage}/*.yaml"
        } else {
            "**/*.yaml"
        };
        let outcome = run(&url, operation, file);
        ends_with(&outcome, "the limit of 32768 files read at once");
    }
}

/// All files are put back at once, of which one was changed again and again before.
#[test]
fn a_rollback_of_many_images_behind_a_long_past() {
    let many = |tag: &str| blob(format!("- image: a:{tag}\n").repeat(300).as_bytes());
    let one = |tag: &str| blob(format!("image: b:{tag}\n").as_bytes());
    let (mut objects, mut parent, mut tip) = (Vec::new(), String::new(), None);
    let mut commit = |many: &(ObjectId, Vec<u8>), one: &(ObjectId, Vec<u8>)| {
        let entry = |name: String, id: &ObjectId| {
            [format!("100644 {name}\0").as_bytes(), id.as_bytes()].concat()
        };
        let others = (0..40).map(|n| entry(format!("{n:03}.yaml"), &many.0));
        let all: Vec<Vec<u8>> = others
            .chain([entry("web.yaml".to_owned(), &one.0)])
            .collect();
        let content = all.concat();
        let root = ObjectId::of(ObjectKind::Tree, &content);
        let (id, packed_commit) = commit_on(&parent, root, b"feat: it\n");
        objects.extend([
            packed(TREE, b"", &content),
            packed_commit,
            many.1.clone(),
            one.1.clone(),
        ]);
        parent = format!("parent {id}\n");
        tip = Some(id);
    };
    for number in 0..300 {
        commit(&many("v1"), &one(&format!("v{number}")));
    }
    commit(&many("v2"), &one("v300"));
    let url = Hostile::sending(tip.unwrap(), &objects).serve();
    goes_well_in_512_mb(
        Action::new()
            .input("operation", "rollback")
            .input("repository", url)
            .input("file", "*.yaml")
            .input("dry-run", "true")
            .input("timeout", "150"),
    );
}

#[test]
fn commits_that_change_many_images() {
    let content = |tag: &str| of_one(format!("- image: a:{tag}\n").repeat(2_000).as_bytes());
    let url = to_and_fro([content("v1"), content("v2")], 70, |parent, tree| {
        commit_on(parent, tree, b"feat: it\n")
    });
    let outcome = in_512_mb(
        Action::new()
            .input("operation", "history")
            .input("repository", url)
            .input("file", "web.yaml")
            .input("limit", "1000")
            .input("timeout", "150"),
    );
    ends_with(&outcome, "the limit of 131072 images and values");
}

/// Files of a directory `a` whose images go to those of a directory `b`.
fn promoting(files: usize, content: &[u8]) -> Action {
    let (id, packed_file) = blob(content);
    let names = || (0..files).map(|n| format!("{n:05}.yaml"));
    let (inner, directory) = tree("100644", names(), id);
    let (root, directories) = tree("40000", ["a", "b"].map(str::to_owned).into_iter(), inner);
    let (tip, commit) = commit(root, b"feat: it\n");
    let objects = [commit, directories, directory, packed_file];
    Action::new()
        .input("operation", "promote")
        .input("repository", Hostile::sending(tip, &objects).serve())
        .input("from", "a/*.yaml")
        .input("file", "b/*.yaml")
        .input("dry-run", "true")
        .input("timeout", "10")
}

/// Any file may belong to any other one, and each has an image.
#[test]
fn stages_of_thousands_of_files() {
    let outcome = in_512_mb(promoting(16_000, MANIFEST));
    assert!(
        outcome.elapsed < Duration::from_secs(40),
        "{:?}",
        outcome.elapsed
    );
    ends_with(&outcome, "`timeout` (10 s)");
}

#[test]
fn stages_of_thousands_of_images() {
    let outcome = bounded(promoting(3, &b"- image: a:v1\n".repeat(20_000)));
    ends_with(
        &outcome,
        "the limit of 32768 images in the files read at once",
    );
}

#[test]
fn an_object_that_unpacks_for_ever() {
    // A header that says 1 TiB, and zeros without end behind it: 64 KiB in every 64 bytes.
    let (tip, _) = commit(blob(b"").0, b"");
    let mut header = vec![0xb0];
    let mut size = (1_u64 << 40) >> 4;
    while size > 0 {
        header.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    *header.last_mut().unwrap() &= 0x7f;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 64 << 20]).unwrap();
    encoder.flush().unwrap();
    let zeros = encoder.get_ref().clone();
    // What comes after the first block is the same for ever.
    let url = Hostile {
        pack: [&b"PACK\0\0\0\x02\0\0\0\x01"[..], &header, &zeros].concat(),
        endless: zeros[zeros.len() / 2..].to_vec(),
        ..Hostile::sending(tip, &[])
    };
    let outcome = run(&url.serve(), "history", "web.yaml");
    ends_with(&outcome, "the limit of 64 GiB of Git objects unpacked");
}

#[test]
fn lines_and_packs_without_end() {
    let (tip, _) = commit(blob(b"").0, b"");
    let shallow = packet(&format!("shallow {tip}\n"));
    let endless_lines = Hostile {
        before: Vec::new(),
        pack: Vec::new(),
        endless: shallow.repeat(1_000),
        ..Hostile::sending(tip, &[])
    };
    let url = endless_lines.clone().serve();
    for operation in ["update", "history"] {
        let outcome = run(&url, operation, "web.yaml");
        ends_with(
            &outcome,
            "the limit of 100000 commits at which a server cuts a branch off",
        );
    }
    let lists = true;
    let url = Hostile {
        lists,
        ..endless_lines.clone()
    }
    .serve();
    let outcome = run(&url, "update", "web.yaml");
    ends_with(&outcome, "answered with more than is taken in");
    let flushes = Hostile {
        endless: b"0000".repeat(1_000),
        ..endless_lines
    };
    let outcome = run(&flushes.serve(), "history", "web.yaml");
    ends_with(&outcome, "`timeout` is 2 s");

    // Objects as long as there is time.
    let endless = Hostile {
        pack: b"PACK\0\0\0\x02\0\x1f\xff\xff".to_vec(),
        endless: packed(BLOB, b"", &[7; 100]).repeat(1_000),
        capabilities: PARTIAL,
        ..Hostile::sending(tip, &[])
    };
    let outcome = run(&endless.serve(), "history", "web.yaml");
    ends_with(&outcome, "the limit of 1 GiB received");
}

#[test]
fn a_list_of_millions() {
    let list = [&b"images: ["[..], &b"a,".repeat(4_500_000), b"a]\n"].concat();
    let (id, packed) = blob(&list);
    let (root, files) = tree("100644", ["web.yaml".to_owned()].into_iter(), id);
    let (tip, commit) = commit(root, b"feat: it\n");
    let url = Hostile::sending(tip, &[commit, files, packed]).serve();
    let outcome = run(&url, "update", "web.yaml");
    ends_with(&outcome, "the limit of 2097152 keys, values and lists");
}

/// A server of a repository whose only other commit renamed all files: each of `before` and `after` is the
/// content of one.
fn renaming(before: &[Vec<u8>], after: &[Vec<u8>]) -> String {
    let mut objects = Vec::new();
    let mut root = |folder: &str, contents: &[Vec<u8>]| {
        let (mut packed, mut entries) = (HashMap::new(), Vec::new());
        for (number, content) in contents.iter().enumerate() {
            let id = ObjectId::of(ObjectKind::Blob, content);
            packed.entry(content).or_insert_with(|| blob(content).1);
            entries.push((format!("{folder}{number:05}.yaml"), id));
        }
        let entry = |(name, id): &(String, ObjectId)| {
            [format!("100644 {name}\0").as_bytes(), id.as_bytes()].concat()
        };
        let content = entries.iter().map(entry).collect::<Vec<_>>().concat();
        objects.extend(packed.into_values());
        objects.push(self::packed(TREE, b"", &content));
        ObjectId::of(ObjectKind::Tree, &content)
    };
    let (before, after) = (root("a", before), root("b", after));
    let (first, packed_first) = commit(before, b"feat: it\n");
    let (tip, packed_tip) = child(first, after);
    objects.extend([packed_first, packed_tip]);
    Hostile::sending(tip, &objects).serve()
}

#[test]
fn files_that_may_each_have_been_any_other() {
    // The same file under many names, and under other ones.
    let same = vec![MANIFEST.to_vec(); 12_000];
    // Files that are a little alike.
    let lines = |number: u32| {
        let line = |line: u32| format!("- {:08x}\n", line + (number * 12_000));
        (0..20_000).map(line).collect::<String>().into_bytes()
    };
    let alike = |begin: u32| (begin..begin + 200).map(lines).collect::<Vec<_>>();
    // One file of as many different lines as there can be.
    let many = |first: &[u8]| {
        let digits = |number: u32| [number / 25_600, number / 160 % 160, number % 160, 0];
        let line = |number| digits(number).map(|digit| digit as u8 + 0x60);
        let mut lines: Vec<u8> = (0..3_900_000).flat_map(line).collect();
        lines
            .iter_mut()
            .skip(3)
            .step_by(4)
            .for_each(|end| *end = b'\n');
        [first, &lines].concat()
    };
    for (before, after) in [
        (same.clone(), same),
        (alike(0), alike(200)),
        (vec![many(b"a\n")], vec![many(b"b\n")]),
    ] {
        let url = renaming(&before, &after);
        let outcome = run(&url, "history", "*.yaml");
        let (code, log) = (outcome.code(), outcome.log());
        assert!(code == Some(0) || log.contains("`timeout` (2 s)"), "{log}");
    }
}

/// Checks that a run takes no more than so many seconds of a processor, however many others it has to share
/// them with, and 512 MB of addresses.
fn takes_seconds(action: Action, seconds: u32) -> Outcome {
    let cpu = format!("--cpu={seconds}");
    let limited = ["/usr/bin/prlimit", "--as=536870912", &cpu];
    let outcome = action.under(limited.map(Into::into)).run();
    let code = outcome.code();
    assert!(matches!(code, Some(0 | 1)), "{code:?}\n{}", outcome.log());
    outcome
}

#[test]
fn images_that_are_each_looked_at_once() {
    type Name<'n> = &'n dyn Fn(u32) -> String;
    let manifest = |name: &dyn Fn(u32) -> String, tag: u32| {
        let item = |n: u32| format!("- {{{}image: \"a{n}:{tag}\"}}\n", name(n));
        format!("containers:\n{}", (0..20_000).map(item).collect::<String>())
    };
    // All in one place, and each in its own.
    let (same, own) = (|_| String::new(), |n| format!("name: c{n}, "));
    let names: [(Name<'_>, &[&str]); 2] = [(&same, &["status"]), (&own, &["history", "rollback"])];
    for (name, operations) in names {
        let git = GitServer::start();
        let repository = git.repository_with("acme/deploy", "web.yaml", &manifest(name, 1));
        repository.commit("main", "web.yaml", manifest(name, 2), "feat: all of them");
        for operation in operations {
            let action = Action::new()
                .input("operation", *operation)
                .input("repository", repository.url())
                .input("file", "web.yaml")
                .input("token", TOKEN)
                .input("timeout", "120");
            let action = match *operation {
                "rollback" => action.input("dry-run", "true"),
                _ => action,
            };
            // Each with all others would be some minutes.
            takes_seconds(action, 30);
        }
    }
}

/// What a rollback of one commit would do to `web.yaml`.
fn would_undo(repository: &Repository, commit: String) -> Action {
    Action::new()
        .input("operation", "rollback")
        .input("commit", commit)
        .input("repository", repository.url())
        .input("file", "web.yaml")
        .input("token", TOKEN)
        .input("dry-run", "true")
}

/// Lines that are all other ones: the commit that is undone left none as it was, and another one came on top.
#[test]
fn a_rollback_of_lines_that_are_all_others() {
    let list = |word: &str, tag: &str| {
        let items = (0..100_000).map(|n| format!("- {word}{n:06}\n"));
        format!("image: acme/web:{tag}\nl:\n{}", items.collect::<String>())
    };
    for on_top in [false, true] {
        let git = GitServer::start();
        let repository = git.repository_with("acme/deploy", "web.yaml", &list("a", "v1"));
        let undone = repository.commit("main", "web.yaml", list("b", "v2"), "feat: all of them");
        if on_top {
            let content = list("b", "v2") + "x: 1\n";
            repository.commit("main", "web.yaml", content, "chore: one more");
        }
        let action = would_undo(&repository, undone).input("timeout", "20");
        // Each with all others would be some minutes.
        takes_seconds(action, 60);
    }
}

/// A server that reads requests, and answers each with `head` and then `body` again and again.
fn endless(head: &'static str, body: &'static [u8]) -> String {
    listen(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
        let body = body.repeat(1_000);
        while !body.is_empty() && stream.write_all(&body).is_ok() {}
    })
}

/// An update over the API at `server`.
pub(crate) fn over_the_api(server: &str) -> Outcome {
    bounded(
        Action::new()
            .input("server-url", format!("http://{server}"))
            .input("api-url", format!("http://{server}/api/v3"))
            .input("repository", "acme/deploy")
            .input("transport", "api")
            .input("file", "web.yaml")
            .input("image", "acme/web:v2")
            .input("token", TOKEN)
            .input("timeout", TIMEOUT.to_string()),
    )
}

#[test]
fn an_api_that_speaks_http_without_end() {
    for (head, server) in servers() {
        let outcome = over_the_api(&server.address);
        assert_eq!(outcome.code(), Some(1), "{head}\n{}", outcome.log());
    }
}

#[test]
fn an_api_that_answers_without_end() {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"errors\":[{\"message\":\"\"}";
    let server = endless(head, b",{\"message\":\"\"}");
    let outcome = over_the_api(&server);
    assert_eq!(outcome.code(), Some(1), "{}", outcome.log());
}

/// What a server can do to those who read HTTP, whatever they ask for.
fn answers() -> Vec<(&'static str, &'static [u8])> {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; 16 << 20]).unwrap();
    let bomb: &'static [u8] = Vec::leak(bomb.finish().unwrap());
    vec![
        ("HTTP/1.1 200 OK\r\n", b"X-Header: of many\r\n"),
        ("HTTP/1.1 200 OK\r\nX-Header: ", b"without end"),
        ("HTTP/1.1 200 ", b"OK"),
        ("", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\n \r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            b"extension=",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n",
            bomb,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
            b"[{\"a\":",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            b"",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"",
            b"realm=\"",
        ),
    ]
}

/// A server that ends no answer.
pub(crate) struct Flow {
    /// Where it listens.
    pub(crate) address: String,
    /// Whether a byte comes from time to time, so that it is never silent.
    pub(crate) drips: bool,
}

/// All of them, each by how its answer begins.
pub(crate) fn servers() -> Vec<(&'static str, Flow)> {
    let floods = answers().into_iter().map(|(head, body)| {
        let (address, drips) = (endless(head, body), false);
        (head, Flow { address, drips })
    });
    let drips = [
        "HTTP/1.1 200 OK\r\nX-Header: ",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n",
    ];
    let drips = drips.into_iter().map(|head| (head, dripping(head)));
    floods.chain(drips).collect()
}

/// A server that answers each request with `head`, and then a byte ten times a second.
pub(crate) fn dripping(head: &'static str) -> Flow {
    let address = listen(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let pause = Some(Duration::from_millis(100));
        if stream.set_read_timeout(pause).is_err() || stream.write_all(head.as_bytes()).is_err() {
            return;
        }
        // Nobody says anything more to it.
        while stream.write_all(b" ").is_ok() {
            let _ = stream.read(&mut [0]);
        }
    });
    Flow {
        address,
        drips: true,
    }
}

/// A server that answers every request with `answer`, made of its own address, and what it was asked.
fn listening(
    answer: impl Fn(&str) -> String + Send + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (asked, own) = (Arc::default(), address.clone());
    let requests: Arc<Mutex<Vec<String>>> = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = vec![0; 8192];
            let length = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            requests.lock().unwrap().push(request);
            let _ = stream.write_all(answer(&own).as_bytes());
        }
    });
    (address, asked)
}

#[test]
fn a_store_behind_a_registry_gets_nothing() {
    for scheme in [
        "Bearer realm=\"http://HERE/token\",service=\"x\"",
        "Basic realm=\"x\"",
    ] {
        let (store, asked) = listening(move |here| {
            let challenge = scheme.replace("HERE", here);
            format!(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        });
        let (registry, seen) = listening(move |_| {
            format!(
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{store}/blob\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        });
        let git = GitServer::start();
        let action = beside(&git, &registry)
            .input("image", format!("{registry}/acme/web:v2"))
            .input("verify-image", "true")
            .input("registry-username", "deployer")
            .input("registry-password", "a-password-of-some-length");
        let outcome = bounded(action);
        assert_eq!(outcome.code(), Some(1), "{}", outcome.log());
        let asked = asked.lock().unwrap();
        // It was asked for what the registry sent us to, and for nothing else.
        assert!(
            asked.iter().any(|request| request.contains(" /blob ")),
            "{}",
            outcome.log()
        );
        for request in asked.iter().chain(seen.lock().unwrap().iter()) {
            let request = request.to_lowercase();
            assert!(!request.contains("authorization:"), "{request}");
            assert!(!request.contains("/token"), "{request}");
        }
    }
}

/// A repository that is well, and a run that reads from `server` as well.
pub(crate) fn beside(git: &GitServer, server: &str) -> Action {
    let manifest = format!("containers:\n- name: web\n  image: {server}/acme/web:v1\n");
    let repository = git.repository_with("acme/deploy", "web.yaml", &manifest);
    Action::new()
        .input("repository", repository.url())
        .input("file", "web.yaml")
        .input("token", TOKEN)
        .input("timeout", TIMEOUT.to_string())
}

#[test]
fn a_git_server_that_speaks_http_without_end() {
    for (
        head,
        Flow {
            address: server, ..
        },
    ) in servers()
    {
        let outcome = run(
            &format!("http://{server}/acme/deploy"),
            "update",
            "web.yaml",
        );
        assert_eq!(outcome.code(), Some(1), "{head}\n{}", outcome.log());
    }
}

#[test]
fn a_registry_that_speaks_http_without_end() {
    for (
        head,
        Flow {
            address: server, ..
        },
    ) in servers()
    {
        let git = GitServer::start();
        let action = beside(&git, &server)
            .input("image", format!("{server}/acme/web:v2"))
            .input("verify-image", "true");
        let outcome = bounded(action);
        assert_eq!(outcome.code(), Some(1), "{head}\n{}", outcome.log());
    }
}

/// A run that asks Argo CD at `server`.
fn verified(git: &GitServer, server: &str) -> Action {
    beside(git, server)
        .input("operation", "verify")
        .input("argocd-server", format!("http://{server}"))
        .input("argocd-application", "web")
        .input("verify-timeout", TIMEOUT.to_string())
}

#[test]
fn an_argo_cd_that_speaks_http_without_end() {
    for (
        head,
        Flow {
            address: server, ..
        },
    ) in servers()
    {
        let git = GitServer::start();
        let action = verified(&git, &server).input("argocd-token", ARGOCD_TOKEN);
        let outcome = bounded(action);
        assert_eq!(outcome.code(), Some(1), "{head}\n{}", outcome.log());
    }
}

#[test]
fn a_dex_that_speaks_http_without_end() {
    for (
        head,
        Flow {
            address: server, ..
        },
    ) in servers()
    {
        let git = GitServer::start();
        let action = verified(&git, &server)
            .input("argocd-oidc-connector", "ci")
            .env("ARGOCD_ID_TOKEN", "e30.e30.c2ln");
        let outcome = bounded(action);
        assert_eq!(outcome.code(), Some(1), "{head}\n{}", outcome.log());
    }
}

#[test]
fn who_gives_out_id_tokens_and_speaks_http_without_end() {
    for (
        head,
        Flow {
            address: server, ..
        },
    ) in servers()
    {
        let git = GitServer::start();
        let url = format!("http://{server}/idtoken?api-version=2.0");
        let action = verified(&git, &server)
            .input("argocd-oidc-connector", "ci")
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", TOKEN);
        let outcome = bounded(action);
        assert_eq!(outcome.code(), Some(1), "{head}\n{}", outcome.log());
    }
}

/// A server of a repository that has one file.
fn serving(content: &[u8]) -> String {
    serving_all(&BTreeMap::from([("web.yaml", content)]))
}

/// A server of a repository that has these files.
fn serving_all(files: &BTreeMap<&str, &[u8]>) -> String {
    let (mut objects, mut entries) = (BTreeMap::new(), Vec::new());
    for (name, content) in files {
        let (id, packed) = blob(content);
        entries.extend([format!("100644 {name}\0").as_bytes(), id.as_bytes()].concat());
        objects.insert(id.to_string(), packed);
    }
    let root = ObjectId::of(ObjectKind::Tree, &entries);
    let (tip, commit) = commit(root, b"feat: it\n");
    let objects = [commit, packed(TREE, b"", &entries)]
        .into_iter()
        .chain(objects.into_values());
    Hostile::sending(tip, &objects.collect::<Vec<_>>()).serve()
}

/// Files that mean harm to those who read YAML.
fn harmful() -> Vec<String> {
    let mut laughs = String::from("a0: &a0 [ha, ha]\n");
    for level in 1..40 {
        let below = level - 1;
        laughs += &format!("a{level}: &a{level} [*a{below}, *a{below}, *a{below}]\n");
    }
    vec![
        laughs,
        "a: &a [*a, *a]\n".to_owned(),
        "a: &a\n  <<: *a\n  image: acme/web:v1\n".to_owned(),
        "[".repeat(1 << 20),
        "{a: ".repeat(1 << 18),
        "- ".repeat(1 << 18),
        "? ".repeat(1 << 18),
        (0..2_000)
            .map(|depth| format!("{}a:\n", " ".repeat(depth)))
            .collect(),
        "---\n".repeat(1 << 20),
        "---\na: b\n".repeat(1 << 18),
        format!("a: \"{}\"\n", "\\x41".repeat(1 << 20)),
        format!("a: |\n{}", "  \n".repeat(1 << 20)),
        "&a ".repeat(1 << 20),
        "!!x ".repeat(1 << 20),
        "%TAG ! tag:x,2000:\n".repeat(1 << 18),
        "a".repeat(8 << 20),
        "#".repeat(8 << 20),
    ]
}

#[test]
fn a_file_that_means_harm_to_those_who_read_yaml() {
    for file in harmful() {
        let outcome = run(&serving(file.as_bytes()), "update", "web.yaml");
        let start = file.get(..40).unwrap_or(&file);
        assert_eq!(outcome.code(), Some(1), "{start}\n{}", outcome.log());
    }
}

#[test]
fn images_without_end() {
    let numbered =
        |most: u32, line: &dyn Fn(u32) -> String| (0..most).map(line).collect::<String>();
    let too_many = "the limit of 32768 images in the files read at once";
    let files = [
        (
            format!(
                "containers:\n{}",
                "- name: web\n  image: acme/web:v1\n".repeat(150_000)
            ),
            too_many,
        ),
        (
            numbered(200_000, &|n| format!("k{n}: {{image: acme/web:v1}}\n")),
            too_many,
        ),
        (
            numbered(100_000, &|n| {
                format!("k{n}: {{image: {{repository: acme/web, tag: v1}}}}\n")
            }),
            too_many,
        ),
        (
            "image: acme/web:v1 # {\"$imagepolicy\": \"flux-system:web\"}\n---\n".repeat(100_000),
            too_many,
        ),
        (
            format!(
                "kind: Kustomization\nimages:\n{}",
                "- name: acme/web\n  newTag: v1\n".repeat(150_000)
            ),
            too_many,
        ),
        (
            format!(
                "c: &c\n  name: web\n  image: acme/web:v1\ncontainers:\n{}",
                "- *c\n".repeat(200_000)
            ),
            too_many,
        ),
        (
            format!(
                "b: &b\n  image: acme/web:v1\nl:\n{}",
                "- <<: *b\n".repeat(100_000)
            ),
            too_many,
        ),
        (
            format!(
                "l:\n{}",
                "- |\n  image: acme/web:v1\n  b: |\n    image: acme/web:v1\n".repeat(50_000)
            ),
            "the limit of 32768 files read at once",
        ),
    ];
    for (file, limit) in files {
        let url = serving(file.as_bytes());
        for operation in ["update", "history", "status"] {
            let name = if operation == "status" {
                "{stage}.yaml"
            } else {
                "web.yaml"
            };
            let outcome = run(&url, operation, name);
            match operation {
                // What can't be read has no images there.
                "history" => assert!(matches!(outcome.code(), Some(0 | 1)), "{}", outcome.log()),
                // Left out, and nothing else is there.
                "status" => {
                    assert_eq!(outcome.code(), Some(1));
                    let log = outcome.log();
                    let is_told = |limit| log.contains(limit);
                    assert!(is_told(limit) || is_told("`timeout` (2 s)"), "{log}");
                }
                _ => ends_with(&outcome, limit),
            }
        }
    }
}

/// A server of a repository with a freeze file, and with other files deep in directories.
fn freezing(freezes: &str, files: usize) -> String {
    let ((freeze, freezes), (web, manifest)) = (blob(freezes.as_bytes()), blob(MANIFEST));
    let names = (0..files).map(|number| format!("{number:05}.yaml"));
    let (mut below, files) = tree("100644", names, web);
    let mut objects = vec![freezes, manifest, files];
    for _ in 0..20 {
        let (id, packed) = tree("40000", std::iter::once("d".to_owned()), below);
        objects.push(packed);
        below = id;
    }
    let entries = [("40000 d", below), ("100644 freezes.yaml", freeze)];
    let entries = entries.map(|(head, id)| [head.as_bytes(), b"\0", id.as_bytes()].concat());
    let root = entries.concat();
    objects.push(packed(TREE, b"", &root));
    let (tip, commit) = commit(ObjectId::of(ObjectKind::Tree, &root), b"feat: it\n");
    objects.push(commit);
    Hostile::sending(tip, &objects).serve()
}

#[test]
fn a_freeze_file_that_means_harm() {
    let files = |globs: String| format!("freezes:\n- reason: r\n  who: w\n  files:\n{globs}");
    let globs = |most: u32, glob: &dyn Fn(u32) -> String| {
        files(
            (0..most)
                .map(|n| format!("  - \"{}\"\n", glob(n)))
                .collect(),
        )
    };
    let crons = (0..1_000).map(|n| {
        let minute = n % 60;
        format!("- {{reason: r, who: w, schedule: \"{minute} 0 30 2 *\", duration: 1m}}\n")
    });
    let nested = format!("{}b{}", "{a,".repeat(50_000), "}".repeat(50_000));
    let zone = "Europe/".repeat(140_000);
    let too_long = "the limit of 4 KiB in one path or glob";
    for (freezes, number, told) in [
        (globs(1, &|_| nested.clone()), 1, too_long),
        (globs(1, &|_| "?".repeat(900_000)), 1, too_long),
        (
            globs(1_000, &|n| format!("{}{n}", "?".repeat(980))),
            1,
            "nobody takes it",
        ),
        (
            globs(9_990, &|n| format!("x{n}*/**")),
            3_000,
            "`timeout` (2 s)",
        ),
        (
            globs(9_990, &|n| format!("**/a{n}/**/b/**/*.c")),
            3_000,
            "`timeout` (2 s)",
        ),
        (
            format!("freezes:\n{}", crons.collect::<String>()),
            1,
            "there is no such time, ever",
        ),
        (
            format!("freezes: [{{reason: r, who: w, timeZone: \"{zone}\"}}]\n"),
            1,
            "the IANA time zone database has no such zone",
        ),
    ] {
        let action = Action::new()
            .input("repository", freezing(&freezes, number))
            .input("file", "d/**/*.yaml")
            .input("image", "acme/web:v2")
            .input("freeze-file", "freezes.yaml")
            .input("timeout", TIMEOUT.to_string());
        ends_with(&bounded(action), told);
    }
}

#[test]
fn a_file_that_means_harm_wherever_else_one_is_read() {
    type Inputs = &'static [(&'static str, &'static str)];
    let roles: [(&str, Inputs); 5] = [
        ("web.yaml", &[("operation", "status")]),
        ("web.yaml", &[("operation", "history")]),
        (
            "freezes.yaml",
            &[("image", "acme/web:v2"), ("freeze-file", "freezes.yaml")],
        ),
        (
            "stage.yaml",
            &[("operation", "promote"), ("from", "stage.yaml")],
        ),
        (
            "web.yaml",
            &[("operation", "promote"), ("from", "stage.yaml")],
        ),
    ];
    std::thread::scope(|scope| {
        for (name, inputs) in roles {
            scope.spawn(move || {
                for file in harmful() {
                    let mut files =
                        BTreeMap::from([("web.yaml", MANIFEST), ("stage.yaml", MANIFEST)]);
                    files.insert(name, file.as_bytes());
                    let mut action = Action::new()
                        .input("repository", serving_all(&files))
                        .input("file", "web.yaml")
                        .input("timeout", TIMEOUT.to_string());
                    for (input, value) in inputs {
                        action = action.input(input, *value);
                    }
                    takes_seconds(action, 40);
                }
            });
        }
    });
}

#[test]
fn many_files_that_are_each_within_the_limits() {
    for (key, count, expected) in [
        (
            "names",
            450_000,
            "the limit of 3145728 keys, values and lists",
        ),
        (
            "images",
            30_000,
            "the limit of 32768 images in the files read at once",
        ),
        // And one that is not.
        (
            "images",
            140_000,
            "the limit of 32768 images in the files read at once",
        ),
    ] {
        let list = format!("{key}: [{}a]\n", "a,".repeat(count));
        let names: Vec<String> = (0..8).map(|n| format!("{n}.yaml")).collect();
        let files = names.iter().map(|name| (name.as_str(), list.as_bytes()));
        let action = Action::new()
            .input("repository", serving_all(&files.collect()))
            .input("file", names.join("\n"))
            .input("image", "acme/web:v2")
            // Time for all of them.
            .input("timeout", "120");
        ends_with(&takes_seconds(action, 100), expected);
    }
}

#[test]
fn files_that_are_as_large_as_they_may_be() {
    let manifest = |most: u32, line: &dyn Fn(u32) -> String| {
        let lines: String = (0..most).map(line).collect();
        format!("image: acme/web:v1\na:\n{lines}")
    };
    for manifest in [
        manifest(2_090_000, &|_| "- a\n".to_owned()),
        manifest(1_040_000, &|n| format!(" k{n}: a\n")),
        manifest(415_000, &|n| format!("- &a{n} a\n")),
        manifest(1_025_000, &|_| "- !!str a\n".to_owned()),
        manifest(1_800_000, &|_| "- \"\\x41\"\n".to_owned()),
    ] {
        let git = GitServer::start();
        let repository = git.repository_with("acme/deploy", "web.yaml", &manifest);
        let action = Action::new()
            .input("repository", repository.url())
            .input("file", "web.yaml")
            .input("image", "acme/web:v2")
            .input("token", TOKEN)
            .input("timeout", "590")
            .input("dry-run", "true");
        goes_well_in_512_mb(action);
    }
}

#[test]
fn a_large_file_that_others_changed_since() {
    let keys: String = (0..140_000).map(|n| format!(" k{n}: a\n")).collect();
    let manifest = |tag: u32, end: &str| format!("image: acme/web:v{tag}\na:\n{keys}{end}");
    let git = GitServer::start();
    let repository = git.repository_with("acme/deploy", "web.yaml", &manifest(1, ""));
    let undone = repository.commit("main", "web.yaml", manifest(2, ""), "feat: another one");
    repository.commit("main", "web.yaml", manifest(2, "b: c\n"), "feat: a key");
    let action = would_undo(&repository, undone).input("timeout", "590");
    ends_with(
        &in_512_mb(action),
        "the limit of 786432 keys, values and lists",
    );
}

/// A repository of `count` commits that each say about a megabyte, which is made of `part`.
fn saying(part: &str, count: usize) -> String {
    let text = part.repeat((1 << 20) / part.len() - 300);
    let (mut parent, mut objects) = (String::new(), Vec::new());
    let mut tip = None;
    for number in 0..count {
        let (file, packed) = blob(&[MANIFEST, format!("# {number}\n").as_bytes()].concat());
        let (root, files) = tree("100644", ["web.yaml".to_owned()].into_iter(), file);
        let message = format!("feat: {number}\n\n{text}\n\nX: {number}\n");
        let (id, commit) = commit_on(&parent, root, message.as_bytes());
        parent = format!("parent {id}\n");
        objects.extend([packed, files, commit]);
        tip = Some(id);
    }
    Hostile::sending(tip.unwrap(), &objects).serve()
}

#[test]
fn messages_that_nobody_reads() {
    // Words, trailers, and as many paragraphs as there can be.
    for part in ["words of many\n", "Deployed-Image: a\n", "a: b\n\n"] {
        let url = saying(part, 10);
        for operation in ["history", "rollback"] {
            let outcome = run(&url, operation, "web.yaml");
            assert!(!outcome.log().contains("panicked"), "{}", outcome.log());
        }
    }
    let outcome = run(&saying("x", 80), "history", "web.yaml");
    ends_with(&outcome, "of commits read at once");
}

#[test]
fn names_that_no_tree_may_have() {
    let (web, packed) = blob(MANIFEST);
    for names in [
        &["..", "web.yaml"][..],
        &[".git", "web.yaml"],
        &["", "web.yaml"],
        &["../../etc/web.yaml"],
        &["web.yaml", "web.yaml"],
    ] {
        let names = names.iter().map(|name| (*name).to_owned());
        let (root, files) = tree("100644", names, web);
        let (tip, commit) = commit(root, b"feat: it\n");
        let url = Hostile::sending(tip, &[commit, files, packed.clone()]).serve();
        for file in ["web.yaml", "**/*.yaml", "*"] {
            let outcome = run(&url, "update", file);
            // There is nobody who takes the push.
            assert_eq!(outcome.code(), Some(1), "{}", outcome.log());
        }
    }
}

#[test]
fn differences_to_themselves_and_without_end() {
    let (mut base, whole) = blob(MANIFEST);
    let (root, files) = tree("100644", ["web.yaml".to_owned()].into_iter(), base);
    let (tip, commit) = commit(root, b"feat: it\n");
    // To where they begin themselves, to before the pack's begin, and to an object that is not there.
    for (form, to) in [(6, vec![0]), (6, vec![0xff, 0x7f]), (DELTA, vec![7; 20])] {
        let itself = packed(form, &to, &[1, 1, 0x90, 1]);
        let url = Hostile::sending(tip, &[commit.clone(), files.clone(), whole.clone(), itself]);
        let outcome = run(&url.serve(), "history", "web.yaml");
        assert!(!outcome.log().contains("panicked"), "{}", outcome.log());
    }
    // Each builds on the one before.
    let mut objects = vec![commit, files, whole];
    let (length, kept) = (MANIFEST.len() as u8, MANIFEST.len() - 4);
    for number in 0..20_000_u32 {
        let end = number.to_be_bytes();
        let delta = [&[length, length, 0x90, length - 4, 4][..], &end].concat();
        objects.push(packed(DELTA, base.as_bytes(), &delta));
        base = ObjectId::of(ObjectKind::Blob, &[&MANIFEST[..kept], &end].concat());
    }
    let outcome = run(
        &Hostile::sending(tip, &objects).serve(),
        "history",
        "web.yaml",
    );
    assert!(!outcome.log().contains("panicked"), "{}", outcome.log());
}

#[test]
fn packets_that_are_none() {
    let (tip, _) = commit(blob(b"").0, b"");
    for (before, endless) in [
        (&b"0001"[..], &b"0001"[..]),
        (b"0002", b"0002"),
        (b"0003", b"0003"),
        (b"zzzz", b"zzzz"),
        (b"-001", b"-001"),
        (b"0004", b"0004"),
        (b"0008NAK\n", b"0009\x03stop"),
        (b"0008NAK\n", b"0009\x02more"),
        (b"0008NAK\n", b"0005\x01"),
        (
            b"",
            b"0037ACK 1234567890123456789012345678901234567890 common",
        ),
    ] {
        let url = Hostile {
            before: before.to_vec(),
            pack: Vec::new(),
            endless: endless.repeat(1_000),
            capabilities: "multi_ack shallow ofs-delta side-band-64k",
            ..Hostile::sending(tip, &[])
        };
        for lists in [false, true] {
            let url = Hostile {
                lists,
                ..url.clone()
            };
            let outcome = run(&url.serve(), "history", "web.yaml");
            assert_eq!(outcome.code(), Some(1), "{}", outcome.log());
        }
    }
}

#[test]
fn a_million_references() {
    let (tip, _) = commit(blob(b"").0, b"");
    let reference = packet(&format!("{tip} refs/heads/a\n"));
    let url = Hostile {
        before: Vec::new(),
        pack: reference.repeat(1_000_000),
        endless: reference,
        lists: true,
        ..Hostile::sending(tip, &[])
    };
    let outcome = run(&url.serve(), "history", "web.yaml");
    ends_with(&outcome, "answered with more than is taken in");
}
