//! What a plan costs, reading, editing and both guards included:
//!
//! ```sh
//! cargo bench --bench edit
//! ```

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gitops_deploy::manifest::{EditRequest, ManifestFile, image_transitions, plan, restore};
use gitops_deploy::yaml::Stream;

/// A Deployment of 20 lines that runs `image`.
fn deployment(name: usize, image: &str) -> String {
    format!(
        "apiVersion: apps/v1\n\
         kind: Deployment\n\
         metadata:\n\
         \x20 name: web-{name}   # one of many\n\
         \x20 labels: {{app: web-{name}, tier: \"front\"}}\n\
         spec:\n\
         \x20 replicas: 2\n\
         \n\
         \x20 template:\n\
         \x20   spec:\n\
         \x20     containers:\n\
         \x20       - name: web\n\
         \x20         image: {image}  # {{\"$imagepolicy\": \"flux-system:web\"}}\n\
         \x20         ports:\n\
         \x20           - containerPort: 80\n\
         \x20         env:\n\
         \x20           - name: GREETING\n\
         \x20             value: 'Grüß Gott'\n\
         \x20         resources: {{requests: {{cpu: 10m, memory: 64Mi}}}}\n\
         ---\n"
    )
}

/// Deployments until the file has `lines` lines; the one in the middle runs the image in question.
fn manifest(lines: usize) -> ManifestFile {
    let count = lines / 20;
    let text: String = (0..count)
        .map(|number| match number == count / 2 {
            true => deployment(number, "ghcr.io/o/web:v1"),
            false => deployment(number, "ghcr.io/o/other:v1"),
        })
        .collect();
    ManifestFile {
        path: "web.yaml".parse().unwrap(),
        bytes: text.into_bytes(),
    }
}

fn request() -> EditRequest {
    EditRequest {
        images: vec!["ghcr.io/o/web:v2".parse().unwrap()],
        ..EditRequest::default()
    }
}

fn one_file(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one file");
    // 200 lines are a real manifest; the largest has 5 MB.
    for lines in [200, 2_000, 20_000, 217_000] {
        let file = [manifest(lines)];
        group.throughput(Throughput::Bytes(file[0].bytes.len() as u64));
        if lines > 10_000 {
            group.sample_size(10);
        }
        group.bench_with_input(BenchmarkId::new("lines", lines), &file, |bencher, file| {
            bencher.iter(|| plan(black_box(file), &request()).unwrap());
        });
    }
    group.finish();
}

fn many_files(criterion: &mut Criterion) {
    let files: Vec<ManifestFile> = (0..1_000).map(|_| manifest(200)).collect();
    let mut group = criterion.benchmark_group("many files");
    group.sample_size(10);
    group.bench_function("1000 of 200 lines, all edited", |bencher| {
        bencher.iter(|| plan(black_box(&files), &request()).unwrap());
    });
    group.finish();
}

/// Comparing the versions of a file that has many keys, beside only reading them.
fn many_keys(criterion: &mut Criterion) {
    const KEYS: usize = 100_000;
    let mut group = criterion.benchmark_group("100,000 keys");
    group.sample_size(10);
    for (shape, value) in [("values", "v"), ("images", "{image: 'a:1'}")] {
        let line = |number| format!("  key-{number}: {value}\n");
        let lines: String = (0..KEYS).map(line).collect();
        let file = |end: &str| format!("all:\n{lines}last: {end}\nend: x\n");
        let (before, after) = (file("1"), file("2"));
        let [before, after] = [&before, &after].map(String::as_bytes);
        let path = "values.yaml".parse().unwrap();
        group.bench_function(BenchmarkId::new("two read", shape), |bencher| {
            bencher.iter(|| [before, after].map(|text| Stream::parse(text).unwrap().len()));
        });
        group.bench_function(
            BenchmarkId::new("two read, their images compared", shape),
            |bencher| {
                bencher.iter(|| image_transitions(&path, Some(before), Some(after)));
            },
        );
        group.bench_function(
            BenchmarkId::new("three read, nothing restored", shape),
            |bencher| {
                bencher.iter(|| restore(before, before, after).unwrap());
            },
        );
    }
    group.finish();
}

criterion_group!(benches, one_file, many_files, many_keys);
criterion_main!(benches);
