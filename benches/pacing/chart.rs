//! Draws the first table as an SVG: one row per policy, one mark per price, on a logarithmic scale.
//!
//! The chart has its own background, so that it is legible on any page. It follows the viewer's dark mode.

use std::fmt::Write;

use super::Regret;

const WIDTH: f64 = 760.0;
const ROW: f64 = 26.0;
/// The x coordinates of the start and the end of the scale.
const SCALE: (f64, f64) = (210.0, 720.0);
const TOP: f64 = 92.0;
const TICKS: [f64; 7] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];

const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .small { font-size: 12px; fill: #59636e }
  .own { font-weight: 600 }
  .end { text-anchor: end }
  .mid { text-anchor: middle }
  .ground { fill: #ffffff }
  .line { stroke: #d1d9e0 }
  .span { stroke: #9aa4ae; stroke-width: 2 }
  .low { fill: #0969da }
  .high { fill: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .small { fill: #9198a1 }
    .ground { fill: #0d1117 }
    .line { stroke: #30363d }
    .span { stroke: #6e7681 }
    .low { fill: #58a6ff }
    .high { fill: #f0883e }
  }
";

pub(crate) fn render(rows: &[Regret]) -> String {
    let mut svg = String::new();
    let bottom = rows.iter().fold(TOP, |bottom, _| bottom + ROW);
    let height = bottom + 50.0;
    let mut line = |text: String| writeln!(svg, "{text}").expect("writing to a string succeeds");
    line(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">"#
    ));
    line(
        "<title>What poll schedules cost, as a multiple of the least possible: simulated</title>".to_owned(),
    );
    line(format!("<style>{STYLE}</style>"));
    line(format!(r#"<rect class="ground" width="{WIDTH}" height="{height}" rx="8"/>"#));
    line(text(
        20.0,
        30.0,
        "title",
        "What polling costs: lag + λ · requests, as a multiple of the least possible",
    ));
    line(text(
        20.0,
        50.0,
        "small",
        "the worst of five distributions; simulated on synthetic durations, without statuses",
    ));
    for (x, class, label) in
        [(SCALE.0, "low", "λ = 0.05 s a request"), (SCALE.0 + 170.0, "high", "λ = 0.2 s a request")]
    {
        line(format!(r#"<circle class="{class}" cx="{x}" cy="72" r="5"/>"#));
        line(text(x + 12.0, 76.0, "small", label));
    }
    for tick in TICKS {
        let x = x_of(tick);
        line(format!(r#"<line class="line" x1="{x:.1}" x2="{x:.1}" y1="{TOP}" y2="{bottom}"/>"#));
        line(text(x, bottom + 18.0, "small mid", &format!("{tick}×")));
    }
    line(text(20.0, bottom + 38.0, "small", "made by `cargo bench --bench pacing`"));
    let mut y = TOP + ROW / 2.0;
    for Regret { name, worst: [low, high] } in rows {
        let class = if name.starts_with("adaptive") { "end own" } else { "end" };
        line(text(SCALE.0 - 14.0, y + 4.0, class, name));
        let (low, high) = (x_of(*low), x_of(*high));
        line(format!(r#"<line class="span" x1="{low:.1}" x2="{high:.1}" y1="{y}" y2="{y}"/>"#));
        line(format!(r#"<circle class="low" cx="{low:.1}" cy="{y}" r="5"/>"#));
        line(format!(r#"<circle class="high" cx="{high:.1}" cy="{y}" r="5"/>"#));
        y += ROW;
    }
    line("</svg>".to_owned());
    svg
}

fn text(x: f64, y: f64, class: &str, content: &str) -> String {
    format!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{content}</text>"#)
}

/// Returns the x coordinate of a regret.
fn x_of(regret: f64) -> f64 {
    let part = regret.ln() / TICKS[TICKS.len() - 1].ln();
    SCALE.0 + part * (SCALE.1 - SCALE.0)
}
