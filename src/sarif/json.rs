//! JSON that may have the wrong type anywhere: a value of another type than
//! expected counts as missing, and is counted. Only broken JSON is an error.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

thread_local! {
    // Deserialize gives no way to hand anything along.
    static MISFITS: Cell<usize> = const { Cell::new(0) };
}

/// How many values of a wrong type this thread has skipped since it last asked.
pub(super) fn take_misfits() -> usize {
    MISFITS.take()
}

pub(super) fn misfit() {
    MISFITS.set(MISFITS.get() + 1);
}

/// The visitor's methods that take what is not wanted for missing.
macro_rules! missing {
    ($value:expr; $($kind:ident)*) => { $( $crate::sarif::json::missing!(@ $value, $kind); )* };
    (@ $value:expr, bool) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { $crate::sarif::json::misfit(); Ok($value) }
    };
    (@ $value:expr, number) => {
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> { $crate::sarif::json::misfit(); Ok($value) }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> { $crate::sarif::json::misfit(); Ok($value) }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> { $crate::sarif::json::misfit(); Ok($value) }
    };
    (@ $value:expr, str) => {
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { $crate::sarif::json::misfit(); Ok($value) }
    };
    (@ $value:expr, unit) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok($value) }
    };
    (@ $value:expr, seq) => {
        fn visit_seq<A: serde::de::SeqAccess<'a>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            $crate::sarif::json::misfit();
            Ok($value)
        }
    };
    (@ $value:expr, map) => {
        fn visit_map<A: serde::de::MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
            $crate::sarif::json::misfit();
            Ok($value)
        }
    };
}
pub(super) use missing;

/// An object with these keys; others are passed over, and of a repeated key the
/// last one counts, as in JavaScript.
macro_rules! objects {
    ($( $(#[$meta:meta])* struct $name:ident { $( $key:literal $field:ident: $type:ty, )* } )*) => { $(
        $(#[$meta])*
        #[derive(Debug, Default)]
        pub(super) struct $name<'a> {
            $( pub(super) $field: $type, )*
            pub(super) marker: std::marker::PhantomData<&'a ()>,
        }

        impl<'a> serde::de::Deserialize<'a> for $name<'a> {
            fn deserialize<D: serde::de::Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
                #[allow(non_camel_case_types)]
                enum Known { $( $field, )* Other__ }
                impl<'k> serde::de::Deserialize<'k> for Known {
                    fn deserialize<D: serde::de::Deserializer<'k>>(deserializer: D) -> Result<Self, D::Error> {
                        struct Name;
                        impl serde::de::Visitor<'_> for Name {
                            type Value = Known;
                            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                                f.write_str("a key")
                            }
                            fn visit_str<E>(self, name: &str) -> Result<Known, E> {
                                Ok(match name { $( $key => Known::$field, )* _ => Known::Other__ })
                            }
                        }
                        deserializer.deserialize_str(Name)
                    }
                }
                struct Fields<'a>(std::marker::PhantomData<&'a ()>);
                impl<'a> serde::de::Visitor<'a> for Fields<'a> {
                    type Value = $name<'a>;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: serde::de::MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut value = $name::default();
                        while let Some(key) = map.next_key::<Known>()? {
                            match key {
                                $( Known::$field => value.$field = map.next_value()?, )*
                                Known::Other__ => { map.next_value::<serde::de::IgnoredAny>()?; }
                            }
                        }
                        Ok(value)
                    }
                    $crate::sarif::json::missing!($name::default(); bool number str unit seq);
                }
                deserializer.deserialize_any(Fields(std::marker::PhantomData))
            }
        }
    )* };
}
pub(super) use objects;

/// A key.
pub(super) struct Key<'a>(pub(super) Cow<'a, str>);

impl<'a> Deserialize<'a> for Key<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'a> Visitor<'a> for Text {
            type Value = Key<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Key<'a>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'a>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A text; a number or a boolean is taken as it is written.
#[derive(Debug, Default, Clone)]
pub(super) struct Text<'a>(Option<Cow<'a, str>>);

impl<'a> From<Cow<'a, str>> for Text<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self(Some(text))
    }
}

impl<'a> Text<'a> {
    /// The text, if there is one that is not empty.
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// The same, to keep.
    pub(super) fn cow(&self) -> Option<Cow<'a, str>> {
        self.0.clone().filter(|text| !text.is_empty())
    }

    /// The same, taken out.
    pub(super) fn take(&mut self) -> Option<Cow<'a, str>> {
        self.0.take().filter(|text| !text.is_empty())
    }
}

impl<'a> Deserialize<'a> for Text<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'a> Visitor<'a> for Any {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Text<'a>, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Text<'a>, E> {
                Ok(Text(Some(number.to_string().into())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Text<'a>, E> {
                Ok(Text(Some(number.to_string().into())))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Text<'a>, E> {
                Ok(Text(Some(number.to_string().into())))
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Text<'a>, E> {
                Ok(Text(Some(flag.to_string().into())))
            }
            missing!(Text(None); unit seq map);
        }
        deserializer.deserialize_any(Any)
    }
}

/// A whole number that is not negative; `-1` is how the standard says "none".
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Number(pub(super) Option<u32>);

impl<'a> Deserialize<'a> for Number {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'a> Visitor<'a> for Any {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number.try_into().ok()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number.try_into().ok()))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                // Some writers know floating point only: `12.0`.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let whole = (number.fract() == 0.0 && (0.0..4e9).contains(&number))
                    .then_some(number as u32);
                Ok(Number(whole))
            }
            fn visit_str<E>(self, text: &str) -> Result<Number, E> {
                misfit();
                Ok(Number(text.parse().ok()))
            }
            missing!(Number(None); bool unit seq map);
        }
        deserializer.deserialize_any(Any)
    }
}

/// A boolean.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Flag(pub(super) Option<bool>);

impl<'a> Deserialize<'a> for Flag {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'a> Visitor<'a> for Any {
            type Value = Flag;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean")
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(Some(flag)))
            }
            missing!(Flag(None); number str unit seq map);
        }
        deserializer.deserialize_any(Any)
    }
}

/// A list.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T: Deserialize<'a>> Deserialize<'a> for List<T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<T>(PhantomData<T>);
        impl<'a, T: Deserialize<'a>> Visitor<'a> for Any<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(List(list))
            }
            missing!(List(Vec::new()); bool number str unit map);
        }
        deserializer.deserialize_any(Any(PhantomData))
    }
}

/// A value that is seldom there, and takes no room then: what is read moves several times.
#[derive(Debug)]
pub(super) struct Rare<T>(Option<Box<T>>);

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Rare<T> {
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }
}

impl<'a, T: Deserialize<'a>> Deserialize<'a> for Rare<T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Some(Box::new(T::deserialize(deserializer)?))))
    }
}

/// An object with any keys.
#[derive(Debug)]
pub(super) struct Map<'a, T>(pub(super) Vec<(Cow<'a, str>, T)>);

impl<T> Default for Map<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Map<'_, T> {
    pub(super) fn get(&self, key: &str) -> Option<&T> {
        // The last one counts.
        self.0
            .iter()
            .rev()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value)
    }
}

impl<'a, T: Deserialize<'a>> Deserialize<'a> for Map<'a, T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<T>(PhantomData<T>);
        impl<'a, T: Deserialize<'a>> Visitor<'a> for Any<T> {
            type Value = Map<'a, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Map<'a, T>, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, value)) = map.next_entry::<Key<'a>, T>()? {
                    entries.push((key.0, value));
                }
                Ok(Map(entries))
            }
            missing!(Map(Vec::new()); bool number str unit seq);
        }
        deserializer.deserialize_any(Any(PhantomData))
    }
}

/// JSON text of any kind, not looked into; `null` counts as missing.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Raw<'a>(pub(super) Option<&'a str>);

impl<'a> Raw<'a> {
    /// The text of a list or object that holds something.
    pub(super) fn filled(self) -> Option<&'a str> {
        let inner = |text: &'a str| text.get(1..text.len() - 1);
        self.0.filter(|text| {
            text.starts_with(['[', '{'])
                && inner(text).is_some_and(|inner| !inner.trim().is_empty())
        })
    }
}

impl<'a> Deserialize<'a> for Raw<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Self((raw != "null").then_some(raw)))
    }
}

/// The results of a run, the text of each as it stands there.
#[derive(Debug, Default)]
pub(super) enum Results<'a> {
    /// The key is not there.
    #[default]
    Missing,
    /// `null`: the scanner could not make them.
    Null,
    /// The results.
    Are(Vec<&'a str>),
}

impl<'a> Deserialize<'a> for Results<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'a> Visitor<'a> for List {
            type Value = Results<'a>;
            // Anything else may stand for findings that would be lost.
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`results` to be a list")
            }
            fn visit_unit<E>(self) -> Result<Results<'a>, E> {
                Ok(Results::Null)
            }
            fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Results<'a>, A::Error> {
                let mut results = Vec::new();
                while let Some(result) = seq.next_element::<&RawValue>()? {
                    results.push(result.get());
                }
                Ok(Results::Are(results))
            }
        }
        deserializer.deserialize_any(List)
    }
}

/// Skips a value.
pub(super) type Skipped = IgnoredAny;
