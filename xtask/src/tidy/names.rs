//! Names that say nothing are not used.

use proc_macro2::Ident;
use syn::visit::{self, Visit};

use super::{Finding, House};

/// As words of a type's or a module's name.
const EMPTY: [&str; 6] = ["manager", "managers", "helper", "helpers", "util", "utils"];

/// Looks at every type and module.
pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in house.tree.with_suffix(".rs") {
        // What does not parse is found where functions are measured.
        let Ok(file) = syn::parse_file(text) else {
            continue;
        };
        let mut visitor = Names {
            path,
            findings: &mut findings,
        };
        visitor.visit_file(&file);
    }
    findings
}

/// The words of a name, in lower case: `PeerManager` and `peer_manager` have the same.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() {
            words.push(String::new());
        }
        if letter != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

struct Names<'a> {
    path: &'a str,
    findings: &'a mut Vec<Finding>,
}

// === impl Names ===

impl Names<'_> {
    fn look(&mut self, name: &Ident) {
        let text = name.to_string();
        if words(&text)
            .iter()
            .any(|word| EMPTY.contains(&word.as_str()))
        {
            let line = name.span().start().line;
            let what = format!("`{text}` says nothing about what it is");
            let remedy = "name it for what it holds or does, with the field's word for it";
            self.findings
                .push(Finding::error(self.path, line, what, remedy));
        }
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.look(&item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.look(&item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.look(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.look(&item.ident);
        visit::visit_item_type(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.look(&item.ident);
        visit::visit_item_mod(self, item);
    }
}
