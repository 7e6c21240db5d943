//! Guards of a model, each of which can be taken away.

/// A guard of a model: something that the real code checks or does, and that the model can be
/// without.
pub(super) trait Guard: Copy + PartialEq + Send + Sync + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// What it says.
    fn name(self) -> &'static str;

    /// The file below `ticketing-core/src` that has the real guard, and how its place there begins.
    fn place(self) -> (&'static str, &'static str);
}

/// Makes the guards of a model, with the table of what each stands for.
macro_rules! guards {
    ($(#[$meta:meta])* $enum:ident { $($name:ident = $what:literal, $file:literal, $place:literal;)* }) => {
        $(#[$meta])*
        ///
        /// | guard | what it says | where it is, below `ticketing-core/src` |
        /// |---|---|---|
        $(#[doc = concat!("| `", stringify!($name), "` | ", $what, " | `", $place, "` in `", $file, "` |")])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $enum {
            $(#[doc = $what] $name,)*
        }

        impl crate::models::guards::Guard for $enum {
            const ALL: &'static [Self] = &[$(Self::$name,)*];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $what,)*
                }
            }

            fn place(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$name => ($file, $place),)*
                }
            }
        }
    };
}

pub(crate) use guards;
