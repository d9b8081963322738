//! Metrics as a documented struct: the doc comment is the help text.

/// Declares the metrics of a crate and how they are registered.
///
/// Each field says which method of [`Catalog`](crate::Catalog) makes it, with the metric's name and
/// what else the method wants behind the help text, which is the doc comment.
///
/// ```
/// use kubomesh_telemetry::{Catalog, Counters, Gauge, Label, metrics};
///
/// metrics! {
///     /// Metrics of the door.
///     pub struct DoorMetrics {
///         /// 1 while the door is open.
///         pub open: Gauge = gauge("kubomesh_door_open"),
///         /// How often somebody went through, by side.
///         pub passes: Counters<Label<&'static str>> =
///             counters("kubomesh_door_passes_total", Label::of_texts("side", &["in", "out"])),
///     }
/// }
///
/// # fn main() -> Result<(), kubomesh_telemetry::CatalogError> {
/// let catalog = Catalog::new()?;
/// let door = DoorMetrics::register(&catalog)?;
/// door.open.set_bool(true);
/// door.passes.get("in").inc();
/// assert!(catalog.render()?.contains("kubomesh_door_passes_total{side=\"in\"} 1"));
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! metrics {
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $help:literal])+
                $field_vis:vis $field:ident: $type:ty = $make:ident($metric:literal $(, $arg:expr)* $(,)?)
            ),* $(,)?
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        $vis struct $name {
            $( $(#[doc = $help])+ $field_vis $field: $type, )*
        }

        impl $name {
            /// Registers every one of them.
            ///
            /// # Errors
            /// When a name breaks a rule or is taken: a mistake in the program.
            $vis fn register(
                catalog: &$crate::Catalog,
            ) -> ::core::result::Result<Self, $crate::CatalogError> {
                Ok(Self {
                    $( $field: catalog.$make($metric, concat!($($help),+) $(, $arg)*)?, )*
                })
            }
        }
    };
}
