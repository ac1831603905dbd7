//! The order of services: each after those that it needs.

/// The positions of `needs` in an order in which each comes after all that it needs, and
/// otherwise as they are given.
///
/// # Errors
/// A name that is needed and not there, or the names of a circle.
pub fn order(services: &[(String, Vec<String>)]) -> Result<Vec<usize>, String> {
    let position = |name: &str| services.iter().position(|(known, _)| known == name);
    for (name, needs) in services {
        if let Some(missing) = needs.iter().find(|need| position(need).is_none()) {
            return Err(format!(
                "`{name}` needs `{missing}`, which is not deployed here"
            ));
        }
    }
    let mut done = Vec::new();
    while done.len() < services.len() {
        let next = (0..services.len()).find(|at| {
            let needs = services[*at].1.iter().filter_map(|need| position(need));
            !done.contains(at) && needs.clone().all(|need| done.contains(&need))
        });
        match next {
            Some(next) => done.push(next),
            None => {
                let left: Vec<&str> = (0..services.len())
                    .filter(|at| !done.contains(at))
                    .map(|at| services[at].0.as_str())
                    .collect();
                return Err(format!(
                    "these need each other in a circle: {}",
                    left.join(", ")
                ));
            }
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(services: &[(&str, &[&str])]) -> Result<Vec<usize>, String> {
        let owned: Vec<(String, Vec<String>)> = services
            .iter()
            .map(|(name, needs)| {
                let needs = needs.iter().map(|need| (*need).to_owned());
                ((*name).to_owned(), needs.collect())
            })
            .collect();
        order(&owned)
    }

    #[test]
    fn each_comes_after_what_it_needs() {
        assert_eq!(
            ordered(&[
                ("web", &["api"]),
                ("api", &["worker"]),
                ("worker", &[]),
                ("docs", &[])
            ]),
            Ok(vec![2, 1, 0, 3])
        );
        assert!(ordered(&[("web", &["api"])]).is_err_and(|error| error.contains("`api`")));
        assert!(
            ordered(&[("a", &["b"]), ("b", &["a"]), ("c", &[])])
                .is_err_and(|error| error.ends_with("a, b"))
        );
    }
}
