//! Which crates a build spends its seconds on, by the report of `cargo build --timings`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    iter::Sum,
};

use serde::Deserialize;

/// As many crates have a line of their own.
const SHOWN: usize = 15;

/// What stands before the list of all that was built, a JSON array in the script of a page.
const BEFORE: &str = "const UNIT_DATA = ";

/// The compilation of a library, the compilation of a build script, or a run of one.
#[derive(Deserialize)]
struct Unit {
    name: String,
    version: String,
    target: String,
    duration: f64,
}

/// What a crate took, on the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    seconds: f64,
    /// To compile and to run its build script.
    of_script: f64,
}

impl<'a> Sum<&'a Cost> for Cost {
    fn sum<I: Iterator<Item = &'a Cost>>(costs: I) -> Self {
        costs.fold(Self::default(), |sum, cost| Self {
            seconds: sum.seconds + cost.seconds,
            of_script: sum.of_script + cost.of_script,
        })
    }
}

/// Crates by their name and version, as in `syn 3.0.0`.
pub(super) type Costs = BTreeMap<String, Cost>;

/// What every crate took, by this report.
pub(super) fn read(report: &str) -> Result<Costs, String> {
    let (_, list) = report.split_once(BEFORE).ok_or_else(|| format!("lacks `{}`", BEFORE.trim()))?;
    // The array alone; the script goes on behind it.
    let units = serde_json::Deserializer::from_str(list).into_iter::<Vec<Unit>>().next();
    let units = units
        .ok_or("ends before the list of what was built")?
        .map_err(|error| format!("behind `{}`: {error}", BEFORE.trim()))?;
    if units.is_empty() {
        return Err("says that nothing was built".to_owned());
    }
    let mut costs = Costs::new();
    for Unit { name, version, target, duration } in units {
        let of_script = if target.contains("build-script") { duration } else { 0.0 };
        let cost = costs.entry(format!("{name} {version}")).or_default();
        *cost = [*cost, Cost { seconds: duration, of_script }].iter().sum();
    }
    Ok(costs)
}

/// The most expensive crates, with which of the yardsticks have them, too, and the sum of all others.
pub(super) fn table(costs: &Costs, cpu: f64, yardsticks: &[(&str, &BTreeSet<String>)]) -> String {
    let mut sorted: Vec<_> = costs.iter().collect();
    sorted.sort_by(|(_, a), (_, b)| b.seconds.total_cmp(&a.seconds));
    let (first, others) = sorted.split_at(sorted.len().min(SHOWN));
    let mut table = format!(
        "A cold build of distribute-ai with a single job: {:.1} s on the clock, {cpu:.1} s of CPU\n\n\
         | crate | on the clock | of it build script | also in |\n|---|---:|---:|---|\n",
        costs.values().sum::<Cost>().seconds,
    );
    for (name, cost) in first {
        let also: Vec<_> =
            yardsticks.iter().filter(|(_, has)| has.contains(*name)).map(|(name, _)| *name).collect();
        line(&mut table, name, **cost, &also.join(", "));
    }
    if !others.is_empty() {
        let rest = others.iter().map(|(_, cost)| *cost).sum();
        line(&mut table, &format!("{} others", others.len()), rest, "");
    }
    let shared = yardsticks.iter().map(|(name, has)| {
        let shared: Cost = costs.iter().filter(|(krate, _)| has.contains(*krate)).map(|(_, cost)| cost).sum();
        format!("{:.1} s in crates that {name} has, too", shared.seconds)
    });
    let _ = writeln!(table, "\nOf these seconds, {}", shared.collect::<Vec<_>>().join("; "));
    table
}

fn line(table: &mut String, name: &str, cost: Cost, also: &str) {
    // Most have no script, or one that is not worth a number.
    let script = if cost.of_script < 0.05 { String::new() } else { format!("{:.1} s", cost.of_script) };
    let _ = writeln!(table, "| {name} | {:.1} s | {script} | {also} |", cost.seconds);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As cargo 1.95 writes it, shortened.
    const REPORT: &str = r#"<html><script>
DURATION = 5;
const UNIT_DATA = [
  {
    "i": 0, "name": "libc", "version": "0.2.1", "mode": "todo", "target": " build-script", "features": ["std"],
    "start": 0.0, "duration": 0.5, "unblocked_units": [1], "unblocked_rmeta_units": [], "sections": null
  },
  {
    "i": 1, "name": "libc", "version": "0.2.1", "mode": "run-custom-build", "target": " build-script (run)",
    "features": ["std"], "start": 0.5, "duration": 0.25, "unblocked_units": [2], "unblocked_rmeta_units": [],
    "sections": null
  },
  {
    "i": 2, "name": "libc", "version": "0.2.1", "mode": "todo", "target": "", "features": ["std"], "start": 0.75,
    "duration": 2.0, "unblocked_units": [3], "unblocked_rmeta_units": [],
    "sections": [["frontend", {"start": 0.0, "end": 1.5}], ["codegen", {"start": 1.5, "end": 2.0}]]
  },
  {
    "i": 3, "name": "syn", "version": "3.0.0", "mode": "todo", "target": "", "features": [], "start": 2.75,
    "duration": 4.0, "unblocked_units": [], "unblocked_rmeta_units": [], "sections": null
  },
  {
    "i": 4, "name": "syn", "version": "2.0.0", "mode": "todo", "target": "", "features": [], "start": 6.75,
    "duration": 1, "unblocked_units": [], "unblocked_rmeta_units": [], "sections": null
  }
];
const CONCURRENCY_DATA = [];
for (const unit of UNIT_DATA) {}
</script></html>"#;

    #[test]
    fn a_report_says_what_each_version_of_a_crate_took() {
        let costs = read(REPORT).unwrap();
        let of = |seconds, of_script| Cost { seconds, of_script };
        let expected =
            [("libc 0.2.1", of(2.75, 0.75)), ("syn 2.0.0", of(1.0, 0.0)), ("syn 3.0.0", of(4.0, 0.0))];
        assert_eq!(costs, expected.map(|(name, cost)| (name.to_owned(), cost)).into());
    }

    #[test]
    fn a_report_of_another_form_is_refused_by_what_it_lacks() {
        for (report, problem) in [
            ("<html>", "lacks `const UNIT_DATA =`"),
            ("const UNIT_DATA = ", "ends before"),
            ("const UNIT_DATA = [{", "behind `const UNIT_DATA =`: EOF"),
            ("const UNIT_DATA = [];", "nothing was built"),
            (&REPORT.replace("duration", "took"), "missing field `duration`"),
            (&REPORT.replace("4.0", "null"), "invalid type: null"),
        ] {
            let told = read(report).unwrap_err();
            assert!(told.contains(problem), "{told}");
        }
    }

    #[test]
    fn the_table_begins_with_what_takes_most() {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        let (one, other) = (set(&["libc 0.2.1", "syn 3.0.0"]), set(&["libc 0.2.1", "tokio 1.0.0"]));
        let table = table(&read(REPORT).unwrap(), 7.5, &[("by-hand", &one), ("without-generator", &other)]);
        assert_eq!(
            table,
            "A cold build of distribute-ai with a single job: 7.8 s on the clock, 7.5 s of CPU\n\n\
             | crate | on the clock | of it build script | also in |\n|---|---:|---:|---|\n\
             | syn 3.0.0 | 4.0 s |  | by-hand |\n\
             | libc 0.2.1 | 2.8 s | 0.8 s | by-hand, without-generator |\n\
             | syn 2.0.0 | 1.0 s |  |  |\n\n\
             Of these seconds, 6.8 s in crates that by-hand has, too; 2.8 s in crates that without-generator has, too\n"
        );
    }

    #[test]
    fn what_the_table_has_no_line_for_is_summed() {
        let cost = Cost { seconds: 1.0, of_script: 0.5 };
        let costs: Costs = (0..SHOWN + 3).map(|i| (format!("crate{i:02} 1.0.0"), cost)).collect();
        let table = table(&costs, 18.0, &[]);
        let end = "| crate14 1.0.0 | 1.0 s | 0.5 s |  |\n| 3 others | 3.0 s | 1.5 s |  |\n\n";
        assert!(table.contains(end), "{table}");
    }
}
