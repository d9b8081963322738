//! Tables are aligned.

use super::Table;

#[test]
fn columns_line_up() {
    let mut table = Table::new(["part", "passed", "seconds"]);
    table.row(["unit".into(), "1204".into(), "3.1".into()]);
    table.row(["a long name".into(), "0".into(), "12.0".into()]);
    assert_eq!(
        table.lines(),
        [
            "part         passed  seconds",
            "unit           1204      3.1",
            "a long name       0     12.0",
        ]
    );
}
