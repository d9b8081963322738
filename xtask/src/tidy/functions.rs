//! Functions are short and take few things. Rust is measured on its syntax tree, Go on gofmt's layout.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use super::{Finding, House};

/// No function is longer, from `fn` to its closing brace.
const LINES_HARD: usize = 80;
/// Nine of ten functions of a package are not longer.
const LINES_P90: usize = 40;
/// A percentile of fewer functions says nothing.
const P90_FROM: usize = 10;
/// The receiver included, as clippy counts.
const PARAMETERS: usize = 5;

/// One function.
#[derive(Debug, Clone)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
    parameters: usize,
}

/// Measures every function that is not a test.
pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut packages: BTreeMap<&str, Vec<(&str, Function)>> = BTreeMap::new();
    for (path, text) in house
        .tree
        .iter()
        .filter(|(path, _)| !house.tree.is_test(path))
    {
        let functions = match path.rsplit_once('.') {
            Some((_, "rs")) => rust(text),
            Some((_, "go")) => Ok(go(text)),
            _ => continue,
        };
        match functions {
            Ok(functions) => packages
                .entry(house.tree.package_of(path))
                .or_default()
                .extend(functions.into_iter().map(|function| (path, function))),
            Err(error) => findings.push(Finding::error(
                path,
                error.span().start().line,
                format!("does not parse: {error}"),
                "make it compile first",
            )),
        }
    }
    for (package, functions) in &mut packages {
        findings.extend(
            functions
                .iter()
                .flat_map(|(path, function)| one(path, function)),
        );
        findings.extend(percentile(package, functions));
    }
    findings
}

fn one(path: &str, function: &Function) -> Vec<Finding> {
    let Function {
        name,
        line,
        lines,
        parameters,
    } = function;
    let mut findings = Vec::new();
    if *lines > LINES_HARD {
        let what = format!("`{name}` has {lines} lines; a function has at most {LINES_HARD}");
        findings.push(Finding::error(path, *line, what, "give its steps names"));
    }
    if *parameters > PARAMETERS {
        let what =
            format!("`{name}` takes {parameters} things; a function takes at most {PARAMETERS}");
        findings.push(Finding::error(
            path,
            *line,
            what,
            "what belongs together is a type",
        ));
    }
    findings
}

/// Names the longest functions when too many are long.
fn percentile(package: &str, functions: &mut [(&str, Function)]) -> Option<Finding> {
    if functions.len() < P90_FROM {
        return None;
    }
    functions.sort_by_key(|(_, function)| function.lines);
    let (_, at) = functions.get((functions.len() * 9).div_ceil(10) - 1)?;
    if at.lines <= LINES_P90 {
        return None;
    }
    let (path, longest) = functions.last()?;
    let names = functions
        .iter()
        .rev()
        .take(5)
        .map(|(_, f)| format!("{} ({})", f.name, f.lines));
    let what = format!(
        "one in ten functions of {package} has {} lines or more; {LINES_P90} are enough",
        at.lines
    );
    let remedy = format!("begin with {}", names.collect::<Vec<_>>().join(", "));
    Some(Finding::error(path, longest.line, what, remedy))
}

fn rust(text: &str) -> syn::Result<Vec<Function>> {
    let mut visitor = Functions::default();
    visitor.visit_file(&syn::parse_file(text)?);
    Ok(visitor.found)
}

/// gofmt puts `func` at the start of a line and the closing brace alone on its last.
fn go(text: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    let mut open: Option<(usize, &str)> = None;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("func ") {
            open = Some((index, line)).filter(|_| !line.ends_with('}'));
        }
        if line == "}"
            && let Some((start, signature)) = open.take()
        {
            let rest = signature.trim_start_matches("func ");
            let rest = rest
                .strip_prefix('(')
                .and_then(|rest| rest.split_once(')'))
                .map_or(rest, |(_, rest)| rest);
            let name = rest
                .trim_start()
                .split(['(', '['])
                .next()
                .unwrap_or_default();
            let lines = index - start + 1;
            functions.push(Function {
                name: name.to_owned(),
                line: start + 1,
                lines,
                parameters: 0,
            });
        }
    }
    functions
}

/// Collects functions with a body.
#[derive(Debug, Default)]
struct Functions {
    found: Vec<Function>,
}

// === impl Functions ===

impl Functions {
    fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let line = signature.fn_token.span.start().line;
        let end = body.brace_token.span.close().end().line;
        self.found.push(Function {
            name: signature.ident.to_string(),
            line,
            lines: end.saturating_sub(line) + 1,
            parameters: signature.inputs.len(),
        });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.add(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}
