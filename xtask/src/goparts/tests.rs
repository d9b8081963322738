//! Versions, keys and what is kept.

use super::*;

const GO_MOD: &str = "module m\n\ngo 1.26.0\n\nrequire a.example/b v0.1.0\n\nrequire (\n\
                      \tk8s.io/kubernetes v1.36.3\n\tk8s.io/api v0.36.3 // indirect\n)\n";

#[test]
fn a_version_is_read_from_go_mod() {
    let version = |module| required(GO_MOD, module);
    assert_eq!(version("a.example/b").as_deref(), Some("v0.1.0"));
    assert_eq!(version("k8s.io/kubernetes").as_deref(), Some("v1.36.3"));
    assert_eq!(version("go").as_deref(), Some("1.26.0"));
    assert_eq!(version("k8s.io"), None);
}

#[test]
fn a_part_is_made_once_for_a_key() {
    let root = Shell::new().unwrap().create_temp_dir().unwrap();
    let part = |key: &str, text: &str| {
        kept(root.path(), "part", key.to_owned(), |new| {
            Ok(fs::write(new, text)?)
        })
        .unwrap()
    };
    assert_eq!(fs::read_to_string(part("1", "first")).unwrap(), "first");
    assert_eq!(fs::read_to_string(part("1", "again")).unwrap(), "first");
    assert_eq!(fs::read_to_string(part("2", "second")).unwrap(), "second");
    let failed = kept(root.path(), "part", "3".into(), |_| bail!("no"));
    assert!(failed.is_err());
    assert_eq!(fs::read_to_string(part("2", "unmade")).unwrap(), "second");
}

#[test]
fn a_key_changes_with_recipe_name_and_content() {
    let root = Shell::new().unwrap().create_temp_dir().unwrap();
    let file = root.path().join("a.go");
    fs::write(&file, "x").unwrap();
    fs::write(root.path().join("built"), "not a source").unwrap();
    let inputs = sources(root.path()).unwrap();
    assert_eq!(inputs, std::slice::from_ref(&file));
    let first = key(&"recipe", &inputs).unwrap();
    assert_eq!(first, key(&"recipe", &inputs).unwrap());
    assert_ne!(first, key(&"other", &inputs).unwrap());
    fs::write(&file, "y").unwrap();
    assert_ne!(first, key(&"recipe", &inputs).unwrap());
}
