//! Draws tables as SVGs.
//!
//! Each chart has its own background, so that it is legible on any page. It follows the viewer's dark mode.

use std::fmt::Write;

use super::{Regret, length::LengthCost};

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

/// An SVG that is being drawn.
struct Svg(String);

impl Svg {
    fn new(height: f64, name: &str) -> Self {
        let mut svg = Self(String::new());
        svg.add(&format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">"#
        ));
        svg.add(&format!("<title>{name}</title>"));
        svg.add(&format!("<style>{STYLE}</style>"));
        svg.add(&format!(r#"<rect class="ground" width="{WIDTH}" height="{height}" rx="8"/>"#));
        svg
    }

    fn add(&mut self, element: &str) {
        writeln!(self.0, "{element}").expect("writing to a string succeeds");
    }

    fn text(&mut self, (x, y): (f64, f64), class: &str, content: &str) {
        self.add(&format!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{content}</text>"#));
    }

    fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(&format!(r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#));
    }

    fn circle(&mut self, class: &str, (x, y): (f64, f64)) {
        self.add(&format!(r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="5"/>"#));
    }

    /// Draws the two marks and their meanings.
    fn legend(&mut self, x: f64, labels: [&str; 2]) {
        for (x, class, label) in [(x, "low", labels[0]), (x + 170.0, "high", labels[1])] {
            self.circle(class, (x, 72.0));
            self.text((x + 12.0, 76.0), "small", label);
        }
    }

    fn finish(mut self, bottom: f64) -> String {
        self.text((20.0, bottom), "small", "made by `cargo bench --bench pacing`");
        self.add("</svg>");
        self.0
    }
}

/// Draws the first table: one row per policy, one mark per price, on a logarithmic scale.
pub(crate) fn regret(rows: &[Regret]) -> String {
    let bottom = rows.iter().fold(TOP, |bottom, _| bottom + ROW);
    let mut svg =
        Svg::new(bottom + 50.0, "What poll schedules cost, as a multiple of the least possible: simulated");
    svg.text(
        (20.0, 30.0),
        "title",
        "What polling costs: lag + λ · requests, as a multiple of the least possible",
    );
    svg.text(
        (20.0, 50.0),
        "small",
        "the worst of five distributions; simulated on synthetic durations, without statuses",
    );
    svg.legend(SCALE.0, ["λ = 0.05 s a request", "λ = 0.2 s a request"]);
    let x_of = |regret: f64| SCALE.0 + regret.ln() / TICKS[TICKS.len() - 1].ln() * (SCALE.1 - SCALE.0);
    for tick in TICKS {
        svg.line("line", (x_of(tick), TOP), (x_of(tick), bottom));
        svg.text((x_of(tick), bottom + 18.0), "small mid", &format!("{tick}×"));
    }
    let mut y = TOP + ROW / 2.0;
    for Regret { name, worst: [low, high] } in rows {
        let class = if name.starts_with("adaptive") { "end own" } else { "end" };
        svg.text((SCALE.0 - 14.0, y + 4.0), class, name);
        svg.line("span", (x_of(*low), y), (x_of(*high), y));
        svg.circle("low", (x_of(*low), y));
        svg.circle("high", (x_of(*high), y));
        y += ROW;
    }
    svg.finish(bottom + 38.0)
}

/// Draws lag and requests over the length of the text, each with and without known lengths.
pub(crate) fn lengths(costs: &[LengthCost]) -> String {
    let mut svg = Svg::new(380.0, "Lag and requests over the length of the text: simulated");
    svg.text((20.0, 30.0), "title", "Polling with and without the length of the text");
    svg.text(
        (20.0, 50.0),
        "small",
        "after 200 tasks of 0.5 s + 6 ms per character, with 25 % of variation; simulated",
    );
    svg.legend(60.0, ["length known", "length unknown"]);
    panel(&mut svg, 60.0, "seconds until a finished task is noticed", costs, |cost| cost.lag);
    panel(&mut svg, 440.0, "polls for each task", costs, |cost| cost.requests);
    svg.finish(366.0)
}

/// Draws a diagram over the length, on a logarithmic scale.
fn panel(svg: &mut Svg, left: f64, title: &str, costs: &[LengthCost], values: fn(&LengthCost) -> [f64; 2]) {
    const PANEL: (f64, f64) = (280.0, 180.0);
    const BOTTOM: f64 = 306.0;
    const SHORTEST: f64 = 20.0;
    const LONGEST: f64 = 4_000.0;
    let top = costs.iter().flat_map(values).fold(0.0, f64::max);
    let step =
        [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0].into_iter().find(|step| top / step <= 6.0).unwrap_or(20.0);
    let end = (top / step).ceil() * step;
    let x_of = |characters: f64| left + PANEL.0 * (characters / SHORTEST).ln() / (LONGEST / SHORTEST).ln();
    let y_of = |value: f64| BOTTOM - PANEL.1 * value / end;
    svg.text((left, BOTTOM - PANEL.1 - 14.0), "small", title);
    let mut tick = 0.0;
    while tick < end + 0.5 * step {
        svg.line("line", (left, y_of(tick)), (left + PANEL.0, y_of(tick)));
        svg.text(
            (left - 8.0, y_of(tick) + 4.0),
            "small end",
            &format!("{:.*}", usize::from(step < 1.0), tick),
        );
        tick += step;
    }
    for tick in [20.0, 100.0, 500.0, 4_000.0] {
        svg.text((x_of(tick), BOTTOM + 18.0), "small mid", &format!("{tick}"));
    }
    svg.text((left + PANEL.0 / 2.0, BOTTOM + 36.0), "small mid", "characters");
    for (index, class) in [(0, "high"), (1, "low")] {
        let points: Vec<_> =
            costs.iter().map(|cost| (x_of(f64::from(cost.characters)), y_of(values(cost)[index]))).collect();
        for pair in points.windows(2) {
            svg.line("span", pair[0], pair[1]);
        }
        for point in points {
            svg.circle(class, point);
        }
    }
}
