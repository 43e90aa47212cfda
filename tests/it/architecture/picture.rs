//! docs/architecture.svg: which module imports which, generated from the imports.
//!
//! A module stands above all modules that it imports. An import that is implied by others (`cli` uses `agent`, which
//! uses `config`) is omitted. All numbers are integers in a fixed order, so the same imports give the same picture.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The command that renews the picture.
const RENEW: &str = "LOGSKIFF_TEST_RENEW=1 cargo test --test it architecture::picture";

const CHAR_PX: usize = 8;
const BOX_HEIGHT_PX: usize = 28;
const LAYER_HEIGHT_PX: usize = 76;
const GAP_PX: usize = 18;
/// Space for a line between the boxes of a layer.
const LANE_PX: usize = 10;
/// How often each layer is sorted by the layer above it, and then by the layer below.
const SWEEPS: usize = 12;

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The modules of the table that each of them imports.
fn imports() -> Graph {
    let mut graph = Graph::new();
    for (file, module) in super::sources().into_iter().filter(|(_, module)| !super::is_of_tests(module)) {
        let names: Vec<&str> = module.iter().map(String::as_str).collect();
        let room = super::part_of(&names);
        if !super::ARROWS.iter().any(|(known, _)| *known == room) {
            continue;
        }
        let found = super::Reader::read(&names, &fs::read_to_string(file).unwrap());
        let targets = found.paths.iter().map(|path| super::part_of(path));
        let known = targets.filter(|target| super::ARROWS.iter().any(|(row, _)| row == target) && *target != room);
        graph.entry(room.clone()).or_default().extend(known);
    }
    graph
}

/// The longest chain of imports below each module.
fn ranks(graph: &Graph) -> BTreeMap<String, usize> {
    fn rank(name: &str, graph: &Graph, known: &mut BTreeMap<String, usize>, above: &mut Vec<String>) -> usize {
        if let Some(rank) = known.get(name) {
            return *rank;
        }
        assert!(!above.iter().any(|other| other == name), "imports in a circle: {above:?} and {name} again");
        above.push(name.to_owned());
        let below = graph[name].iter().map(|target| rank(target, graph, known, above) + 1).max().unwrap_or(0);
        above.pop();
        known.insert(name.to_owned(), below);
        below
    }
    let mut known = BTreeMap::new();
    for name in graph.keys() {
        rank(name, graph, &mut known, &mut Vec::new());
    }
    known
}

/// Removes implied imports.
fn reduced(graph: &Graph) -> Graph {
    fn reaches(graph: &Graph, from: &str, to: &str) -> bool {
        graph[from].iter().any(|next| next == to || reaches(graph, next, to))
    }
    let keep = |targets: &BTreeSet<String>, target: &String| {
        !targets.iter().any(|other| other != target && reaches(graph, other, target))
    };
    let kept = |targets: &BTreeSet<String>| targets.iter().filter(|to| keep(targets, to)).cloned().collect();
    graph.iter().map(|(name, targets)| (name.clone(), kept(targets))).collect()
}

/// A box, or the point where the line between two boxes crosses a layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Module(String),
    Lane(String, String),
}

impl Place {
    fn width_px(&self) -> usize {
        match self {
            Self::Module(name) => name.len() * CHAR_PX + 20,
            Self::Lane(..) => LANE_PX,
        }
    }
}

/// The layers from the lowest up, and each line from point to point, downwards.
struct Layout {
    layers: Vec<Vec<Place>>,
    lines: Vec<Vec<Place>>,
}

impl Layout {
    fn new(graph: &Graph) -> Self {
        let ranks = ranks(graph);
        let mut layers = vec![Vec::new(); ranks.values().max().map_or(0, |most| most + 1)];
        for (name, rank) in &ranks {
            layers[*rank].push(Place::Module(name.clone()));
        }
        let mut lines = Vec::new();
        for (name, targets) in reduced(graph) {
            for target in targets {
                let mut line = vec![Place::Module(name.clone())];
                for layer in (ranks[&target] + 1..ranks[&name]).rev() {
                    let passed = Place::Lane(name.clone(), target.clone());
                    layers[layer].push(passed.clone());
                    line.push(passed);
                }
                line.push(Place::Module(target));
                lines.push(line);
            }
        }
        let mut layout = Self { layers, lines };
        for sweep in 0..SWEEPS {
            let count = layout.layers.len();
            for step in 1..count {
                let (layer, beside) = if sweep % 2 == 0 { (count - 1 - step, count - step) } else { (step, step - 1) };
                layout.order(layer, beside);
            }
        }
        layout
    }

    /// Sorts a layer by the average position of each point's neighbours in the layer `next to`.
    fn order(&mut self, layer: usize, beside: usize) {
        let centers = self.centers();
        let middle = |place: &Place| {
            let tied = self.lines.iter().flat_map(|line| line.windows(2)).filter_map(|pair| match pair {
                [upper, lower] if beside > layer && lower == place => Some(upper),
                [upper, lower] if beside < layer && upper == place => Some(lower),
                _ => None,
            });
            let here: Vec<usize> = tied
                .filter(|other| self.layers[beside].contains(other))
                .map(|other| centers[&(beside, other.clone())])
                .collect();
            if here.is_empty() { centers[&(layer, place.clone())] } else { here.iter().sum::<usize>() / here.len() }
        };
        let mut order: Vec<(usize, Place)> =
            self.layers[layer].iter().map(|place| (middle(place), place.clone())).collect();
        order.sort();
        self.layers[layer] = order.into_iter().map(|(_, place)| place).collect();
    }

    fn width_px(layer: &[Place]) -> usize {
        layer.iter().map(|place| place.width_px() + GAP_PX).sum::<usize>() + GAP_PX
    }

    fn widest_px(&self) -> usize {
        self.layers.iter().map(|layer| Self::width_px(layer)).max().unwrap_or(0)
    }

    /// The x coordinate of each point of each layer; a layer is centred.
    fn centers(&self) -> BTreeMap<(usize, Place), usize> {
        let mut centers = BTreeMap::new();
        for (at, layer) in self.layers.iter().enumerate() {
            let mut left = (self.widest_px() - Self::width_px(layer)) / 2 + GAP_PX;
            for place in layer {
                centers.insert((at, place.clone()), left + place.width_px() / 2);
                left += place.width_px() + GAP_PX;
            }
        }
        centers
    }

    fn top_px(&self, layer: usize) -> usize {
        (self.layers.len() - 1 - layer) * LAYER_HEIGHT_PX + GAP_PX
    }

    fn svg(&self) -> String {
        let (width, height) = (self.widest_px(), self.top_px(0) + BOX_HEIGHT_PX + GAP_PX);
        let centers = self.centers();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"monospace\" font-size=\"13\">\n\
             <title>Which module imports which: each stands above all that it imports</title>\n\
             <defs><marker id=\"to\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
             <path d=\"M0,0L8,4L0,8z\" fill=\"#666\"/></marker></defs>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
        );
        for line in &self.lines {
            let bottom = self.layer_of(&line[0]);
            let mut path = String::new();
            for (step, place) in line.iter().enumerate() {
                let (layer, top) = (bottom - step, self.top_px(bottom - step));
                let x = centers[&(layer, place.clone())];
                if step == 0 {
                    let _ = write!(path, "M{x},{}", top + BOX_HEIGHT_PX);
                    continue;
                }
                let from = centers[&(layer + 1, line[step - 1].clone())];
                let (start, middle) =
                    (self.top_px(layer + 1) + BOX_HEIGHT_PX, top - (LAYER_HEIGHT_PX - BOX_HEIGHT_PX) / 2);
                let _ = write!(path, "L{from},{start}C{from},{middle} {x},{middle} {x},{top}");
            }
            let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"#666\" marker-end=\"url(#to)\"/>");
        }
        for ((layer, place), x) in &centers {
            let Place::Module(name) = place else { continue };
            let (width, top) = (place.width_px(), self.top_px(*layer));
            let fill = if super::CRATES.contains(&name.as_str()) { "#dbe9f6" } else { "#f4f4f0" };
            let _ = writeln!(
                svg,
                "<rect x=\"{}\" y=\"{top}\" width=\"{width}\" height=\"{BOX_HEIGHT_PX}\" rx=\"4\" fill=\"{fill}\" stroke=\"#333\"/>\
                 <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
                x - width / 2,
                top + 18,
            );
        }
        svg + "</svg>\n"
    }

    fn layer_of(&self, place: &Place) -> usize {
        self.layers.iter().position(|layer| layer.contains(place)).expect("every place is in a layer")
    }
}

/// Goal: the picture in the documents matches the code.
#[test]
fn the_picture_matches_the_code() {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/architecture.svg"));
    let svg = Layout::new(&imports()).svg();
    if std::env::var_os("LOGSKIFF_TEST_RENEW").is_some() {
        fs::write(file, &svg).unwrap();
    }
    let is_current = fs::read_to_string(file).is_ok_and(|drawn| drawn == svg);
    assert!(is_current, "docs/architecture.svg is not that of the code; renew it: {RENEW}");
}

#[test]
fn implied_imports_are_not_drawn() {
    let graph = |arrows: &[(&str, &[&str])]| -> Graph {
        let targets = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        arrows.iter().map(|(name, names)| ((*name).to_owned(), targets(names))).collect()
    };
    let all = graph(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])]);
    assert_eq!(reduced(&all), graph(&[("a", &["b"]), ("b", &["c"]), ("c", &[])]));
    assert_eq!(ranks(&all).into_values().collect::<Vec<_>>(), [2, 1, 0]);
}
