//! One file for each language: how its components are found and what their
//! files tell. Adding one is a file here and a line in [`ECOSYSTEMS`].

mod dotnet;
mod go;
mod java;
mod node;
mod php;
mod python;
mod ruby;
mod rust;

use super::Survey;
use super::model::{Component, Language};

/// Finds the components of one language.
pub(super) type Detector = fn(&Survey<'_>) -> Vec<Component>;

/// Every language that is known.
pub(super) const ECOSYSTEMS: [(Language, Detector); 8] = [
    (Language::Python, python::detect),
    (Language::Node, node::detect),
    (Language::Go, go::detect),
    (Language::Rust, rust::detect),
    (Language::Java, java::detect),
    (Language::Ruby, ruby::detect),
    (Language::Php, php::detect),
    (Language::Dotnet, dotnet::detect),
];

/// The minor version at a text's start: `8.2.1` and `8.2</tag>` give 8.2.
fn minor_version(text: &str) -> String {
    let number: String = text
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    number
        .split('.')
        .filter(|part| !part.is_empty())
        .take(2)
        .collect::<Vec<_>>()
        .join(".")
}
