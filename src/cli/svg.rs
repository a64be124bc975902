//! A graph as a drawing: SVG, laid out here, so that nobody needs Graphviz to look at one.
//!
//! # Design note
//! Layered, from left to right, in five steps; each takes time linear in tasks and edges but for the sorting of columns:
//!
//! 1. A task's column is the length of the longest path to it.
//! 2. An edge that passes columns gets a bend in each, which takes a place there as a box does; else lines would run
//!    behind boxes. One that passes more than [`LONGEST_ROUTE`] columns is one curve: bends of a long chain, each of
//!    whose tasks waits for all before it, would be as many as the square of its length.
//! 3. Columns are sorted by the mean place of what their members are tied to, forth and back, a fixed number of times.
//! 4. Heights: each member wants to stand at the mean height of what it is tied to. Given the order and the least
//!    distances, the heights nearest to all wishes are found exactly, by pooling neighbours whose wishes collide.
//! 5. Widths follow the names, column by column.
//!
//! The same graph gives the same bytes. Nothing here knows what a task is.

use std::fmt::Write as _;

use crate::base::printable;

/// From what comes first to what waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    /// It only orders the two where both are selected.
    pub(super) only_orders: bool,
}

/// Passed columns with a bend in each.
const LONGEST_ROUTE: usize = 12;
/// How often columns are sorted, and heights are evened.
const SWEEPS: usize = 6;
const BOX_HEIGHT: f64 = 28.0;
const BEND_HEIGHT: f64 = 6.0;
const GAP: f64 = 12.0;
/// Between columns: room for the curves.
const ALLEY: f64 = 56.0;
const MARGIN: f64 = 16.0;
/// Of a letter of the font, nearly; twice that for what is not ASCII.
const LETTER: f64 = 7.4;

/// Draws the graph, which has no circles.
pub(super) fn svg(names: &[String], edges: &[Edge]) -> String {
    let mut layout = Layout::new(names, edges);
    layout.sort_columns();
    layout.set_heights();
    layout.drawn(names, edges)
}

/// A box, or the bend of an edge.
struct Member {
    column: usize,
    /// Its place in the column.
    place: usize,
    height: f64,
    /// The middle.
    y: f64,
    before: Vec<usize>,
    after: Vec<usize>,
}

struct Layout {
    /// Boxes first, in the order of the names, then bends.
    members: Vec<Member>,
    columns: Vec<Vec<usize>>,
    /// For each edge the members it leads through, both ends included.
    routes: Vec<Vec<usize>>,
    widths: Vec<f64>,
}

impl Layout {
    fn new(names: &[String], edges: &[Edge]) -> Self {
        let columns = columns_of(names.len(), edges);
        let member = |column, height| Member {
            column,
            place: 0,
            height,
            y: 0.0,
            before: Vec::new(),
            after: Vec::new(),
        };
        let mut members: Vec<Member> = columns.iter().map(|&column| member(column, BOX_HEIGHT)).collect();
        let mut routes = Vec::with_capacity(edges.len());
        for edge in edges {
            let mut route = vec![edge.from];
            let passed = columns[edge.from] + 1..columns[edge.to];
            if passed.len() <= LONGEST_ROUTE {
                for column in passed {
                    route.push(members.len());
                    members.push(member(column, BEND_HEIGHT));
                }
            }
            route.push(edge.to);
            for pair in route.windows(2) {
                members[pair[0]].after.push(pair[1]);
                members[pair[1]].before.push(pair[0]);
            }
            routes.push(route);
        }
        let count = columns.iter().max().map_or(0, |last| last + 1);
        let mut layout = Self { members, columns: vec![Vec::new(); count], routes, widths: vec![0.0; count] };
        for at in 0..layout.members.len() {
            let column = layout.members[at].column;
            layout.members[at].place = layout.columns[column].len();
            layout.columns[column].push(at);
        }
        for (name, &column) in names.iter().zip(&columns) {
            layout.widths[column] = layout.widths[column].max(box_width(name));
        }
        layout
    }

    fn sort_columns(&mut self) {
        for sweep in 0..SWEEPS {
            let count = self.columns.len();
            for step in 0..count {
                let forth = sweep % 2 == 0;
                let column = if forth { step } else { count - 1 - step };
                let mut sorted: Vec<(f64, usize)> = self.columns[column]
                    .iter()
                    .map(|&at| {
                        let member = &self.members[at];
                        let tied = if forth { &member.before } else { &member.after };
                        // Of columns of different lengths places compare as shares.
                        let share = |at: usize| {
                            let other = &self.members[at];
                            float(2 * other.place + 1) / float(2 * self.columns[other.column].len())
                        };
                        (mean(tied.iter().map(|&at| share(at))).unwrap_or_else(|| share(at)), at)
                    })
                    .collect();
                sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
                for (place, (_, at)) in sorted.iter().enumerate() {
                    self.members[*at].place = place;
                }
                self.columns[column] = sorted.into_iter().map(|(_, at)| at).collect();
            }
        }
    }

    fn set_heights(&mut self) {
        for column in 0..self.columns.len() {
            self.even(column, |_, _| 0.0);
        }
        for sweep in 0..SWEEPS {
            let count = self.columns.len();
            for step in 0..count {
                let forth = sweep % 2 == 0;
                let column = if forth { step } else { count - 1 - step };
                self.even(column, |layout, at| {
                    let member = &layout.members[at];
                    let tied = if forth { &member.before } else { &member.after };
                    mean(tied.iter().map(|&at| layout.members[at].y)).unwrap_or(member.y)
                });
            }
        }
        let top =
            self.members.iter().map(|member| member.y - member.height / 2.0).fold(f64::INFINITY, f64::min);
        for member in &mut self.members {
            member.y += MARGIN - top;
        }
    }

    /// Puts the members of a column as near to where each wants to be as their order and distances allow.
    fn even(&mut self, column: usize, wish: impl Fn(&Self, usize) -> f64) {
        let mut offset = 0.0;
        let mut offsets = Vec::new();
        // Runs of members that stand as close as they may: the sum of what their ends want, and how many they are.
        let mut runs: Vec<(f64, usize)> = Vec::new();
        for (place, &at) in self.columns[column].iter().enumerate() {
            if place > 0 {
                let above = &self.members[self.columns[column][place - 1]];
                offset += f64::midpoint(above.height, self.members[at].height) + GAP;
            }
            offsets.push(offset);
            runs.push((wish(self, at) - offset, 1));
            while let [.., (above, many), (below, few)] = runs[..]
                && above / float(many) > below / float(few)
            {
                runs.truncate(runs.len() - 2);
                runs.push((above + below, many + few));
            }
        }
        let tops = runs.into_iter().flat_map(|(sum, many)| std::iter::repeat_n(sum / float(many), many));
        for ((top, offset), &at) in tops.zip(offsets).zip(&self.columns[column]) {
            self.members[at].y = top + offset;
        }
    }

    fn drawn(&self, names: &[String], edges: &[Edge]) -> String {
        let mut left = MARGIN;
        let lefts: Vec<f64> = self
            .widths
            .iter()
            .map(|width| {
                let here = left;
                left += width + ALLEY;
                here
            })
            .collect();
        let bottom = self.members.iter().map(|member| member.y + member.height / 2.0).fold(0.0, f64::max);
        let (width, height) = ((left - ALLEY).max(MARGIN) + MARGIN, bottom + MARGIN);
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n{HEAD}"
        );
        for (edge, route) in edges.iter().zip(&self.routes) {
            let class = if edge.only_orders { " class=\"after\"" } else { "" };
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "<path{class} d=\"{}\"/>", self.curve(route, &lefts, names));
        }
        for (name, member) in names.iter().zip(&self.members) {
            let (x, y) = (lefts[member.column], member.y - member.height / 2.0);
            let (width, name) = (box_width(name), escaped(name));
            let _ = writeln!(
                text,
                "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{BOX_HEIGHT}\" rx=\"5\"/><text x=\"{:.0}\" y=\"{:.0}\">{name}</text>",
                x + width / 2.0,
                member.y + 4.0,
            );
        }
        text.push_str("</svg>\n");
        text
    }

    /// The way of an edge: curves in the alleys, straight lines through the columns between.
    fn curve(&self, route: &[usize], lefts: &[f64], names: &[String]) -> String {
        let first = &self.members[route[0]];
        let (mut x, mut y) = (lefts[first.column] + box_width(&names[route[0]]), first.y);
        let mut path = format!("M{x:.0} {y:.0}");
        for (step, &at) in route.iter().enumerate().skip(1) {
            let member = &self.members[at];
            let to = lefts[member.column];
            // Boxes narrower than their column leave a straight piece before the alley.
            if step == 1 && to - x > ALLEY && member.column == first.column + 1 {
                x = to - ALLEY;
                let _ = write!(path, "H{x:.0}");
            }
            let middle = f64::midpoint(x, to);
            let _ = write!(path, "C{middle:.0} {y:.0} {middle:.0} {:.0} {to:.0} {:.0}", member.y, member.y);
            (x, y) = (to, member.y);
            if step + 1 < route.len() {
                x += self.widths[member.column];
                let _ = write!(path, "H{x:.0}");
            }
        }
        path
    }
}

/// What every drawing begins with. The colours are readable on light and on dark paper.
const HEAD: &str = "\
<style>
path{fill:none;stroke:#8a8f98;stroke-width:1.3;marker-end:url(#end)}
path.after{stroke-dasharray:5 4}
rect{fill:#f6f8fa;stroke:#57606a}
text{font:12px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328;text-anchor:middle}
marker path{fill:#8a8f98;stroke:none;marker-end:none}
</style>
<defs><marker id=\"end\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>
";

/// The length of the longest path to each.
fn columns_of(count: usize, edges: &[Edge]) -> Vec<usize> {
    let mut waits = vec![0_usize; count];
    let mut after = vec![Vec::new(); count];
    for edge in edges {
        waits[edge.to] += 1;
        after[edge.from].push(edge.to);
    }
    let mut columns = vec![0; count];
    let mut ready: Vec<usize> = (0..count).filter(|&at| waits[at] == 0).collect();
    while let Some(at) = ready.pop() {
        for &next in &after[at] {
            columns[next] = columns[next].max(columns[at] + 1);
            waits[next] -= 1;
            if waits[next] == 0 {
                ready.push(next);
            }
        }
    }
    columns
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / float(count))
}

/// Counts of things in memory are far below where this is inexact.
#[expect(clippy::cast_precision_loss, reason = "no graph has 2^52 members")]
fn float(count: usize) -> f64 {
    count as f64
}

fn box_width(name: &str) -> f64 {
    let letters: usize = name.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum();
    float(letters).mul_add(LETTER, 18.0).round()
}

/// A name as XML may hold it.
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for letter in printable(name).chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            // No characters of XML's.
            '\u{fffe}' | '\u{ffff}' => text.push('\u{fffd}'),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn edge(from: usize, to: usize) -> Edge {
        Edge { from, to, only_orders: false }
    }

    /// A laid out graph.
    fn layout(names: &[String], edges: &[Edge]) -> Layout {
        let mut layout = Layout::new(names, edges);
        layout.sort_columns();
        layout.set_heights();
        layout
    }

    /// A graph without circles by a fixed rule: each waits for up to `fan` earlier ones.
    fn random(count: usize, fan: usize) -> (Vec<String>, Vec<Edge>) {
        let names = (0..count).map(|at| format!("task-{at}:dev@cu124")).collect();
        let mut seed = 42_u64;
        let mut next = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % most
        };
        let edges =
            (1..count).flat_map(|to| (0..fan).map(|_| edge(next(to), to)).collect::<Vec<_>>()).collect();
        (names, edges)
    }

    #[test]
    fn a_column_is_the_longest_way_to_a_task() {
        // 0 -> 1 -> 2, 0 -> 2, 3 alone; told in an order that is none of the edges'.
        assert_eq!(columns_of(4, &[edge(0, 2), edge(1, 2), edge(0, 1)]), [0, 1, 2, 0]);
    }

    #[test]
    fn nothing_in_a_column_overlaps_and_the_order_holds() {
        let (names, edges) = random(200, 3);
        let layout = layout(&names, &edges);
        for column in &layout.columns {
            for pair in column.windows(2) {
                let (above, below) = (&layout.members[pair[0]], &layout.members[pair[1]]);
                let least = f64::midpoint(above.height, below.height) + GAP;
                assert!(below.y - above.y >= least - 1e-6, "{} {}", above.y, below.y);
            }
        }
        assert!(layout.members.iter().all(|member| member.y - member.height / 2.0 >= MARGIN - 1e-6));
    }

    #[test]
    fn a_chain_is_a_straight_line_and_a_passing_edge_goes_round_its_boxes() {
        let chain = layout(&names(&["a", "b", "c"]), &[edge(0, 1), edge(1, 2)]);
        assert!(chain.members.iter().all(|member| (member.y - chain.members[0].y).abs() < 1e-6));
        let passing = layout(&names(&["a", "b", "c"]), &[edge(0, 1), edge(1, 2), edge(0, 2)]);
        assert_eq!(passing.members.len(), 4);
        assert_eq!(passing.routes[2], [0, 3, 2]);
        assert!((passing.members[3].y - passing.members[1].y).abs() > 0.5 * BOX_HEIGHT);
    }

    #[test]
    fn bends_stay_few_however_long_the_edges_are() {
        // Each waits for the first: as a chain of 1,000 their bends would be half a million.
        let names: Vec<String> = (0..1000).map(|at| at.to_string()).collect();
        let edges: Vec<Edge> = (1..1000).flat_map(|to| [edge(to - 1, to), edge(0, to)]).collect();
        let layout = layout(&names, &edges);
        assert!(layout.members.len() <= 1000 + edges.len() * LONGEST_ROUTE);
        assert_eq!(layout.routes.iter().filter(|route| route.len() > LONGEST_ROUTE + 2).count(), 0);
    }

    #[test]
    fn the_same_graph_gives_the_same_bytes() {
        let (names, edges) = random(1000, 3);
        assert_eq!(svg(&names, &edges), svg(&names, &edges));
        assert_eq!(svg(&[], &[]).lines().last(), Some("</svg>"));
    }

    #[test]
    fn names_are_text() {
        assert_eq!(escaped("a<b>&\"c\u{ffff}\u{1b}"), "a&lt;b&gt;&amp;&quot;c\u{fffd}\\u{1b}");
    }
}
