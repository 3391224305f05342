//! The log lines' own fields, found in the sources: each is on the list.

use super::{assert_no, files, read};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use telemetry::names::field;

const MACROS: [&str; 4] = ["debug", "info", "warn", "error"];

#[test]
fn fields_of_log_lines_are_on_the_list() {
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for path in files("services", ".rs").into_iter().chain(files("shared", ".rs")) {
        let path_text = path.to_string_lossy().into_owned();
        if path_text.contains("/src/") && !path_text.contains("testkit") && !path_text.ends_with("tests.rs") {
            let tokens: TokenStream =
                read(&path).parse().unwrap_or_else(|error| panic!("{path_text}: {error}"));
            let mut of_file = Vec::new();
            collect(tokens, &mut of_file);
            let unknown = of_file.iter().filter(|name| !field::ALL.iter().any(|field| field.name == **name));
            problems.extend(unknown.map(|name| format!("{path_text}: {name}")));
            found.extend(of_file);
        }
    }
    let unused = field::ALL
        .iter()
        .filter(|field| field.on == field::On::Some && !found.contains(&field.name.to_owned()));
    problems.extend(unused.map(|field| format!("no line has the field {}", field.name)));
    assert_no(&problems);
}

/// The fields of every `tracing::info!(…)` and its like.
fn collect(tokens: TokenStream, found: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let before: Vec<String> = tokens[at.saturating_sub(5)..at].iter().map(ToString::to_string).collect();
        match before.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["tracing", ":", ":", name, "!"] if MACROS.contains(name) => fields(group.stream(), found),
            _ => collect(group.stream(), found),
        }
    }
}

/// `%error`, `count = 3` and `transaction_id` are fields; `target: "…"` and the message are none.
fn fields(tokens: TokenStream, found: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for argument in tokens.split(|token| token.to_string() == ",") {
        let argument: Vec<&TokenTree> =
            argument.iter().skip_while(|token| ["%", "?"].contains(&token.to_string().as_str())).collect();
        match argument.as_slice() {
            // The message; after it stand its arguments.
            [TokenTree::Literal(_), ..] => return,
            [TokenTree::Ident(name)] => found.push(name.to_string()),
            [TokenTree::Ident(name), TokenTree::Punct(is), ..] if is.as_char() == '=' => {
                found.push(name.to_string());
            }
            [TokenTree::Ident(_), TokenTree::Punct(dot), ..] if dot.as_char() == '.' => {
                let name = argument.iter().take_while(|token| token.to_string() != "=");
                found.push(name.map(ToString::to_string).collect());
            }
            [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
                found.push(format!("{group} is better written as an identifier"));
            }
            _ => {}
        }
    }
}
