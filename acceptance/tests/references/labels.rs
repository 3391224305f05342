//! Which labels the series have that an expression yields, and what in it can't be right.

use super::catalogue::Catalogue;
use promql_parser::{
    label::{METRIC_NAME, MatchOp, Matcher},
    parser::{AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, VectorSelector},
};
use std::collections::BTreeSet;
use telemetry::names::span_name;

pub type Labels = BTreeSet<String>;

/// Works out labels and collects what is wrong on the way.
pub struct Checker<'a> {
    catalogue: &'a Catalogue,
    /// In words.
    pub problems: Vec<String>,
}

impl<'a> Checker<'a> {
    pub fn new(catalogue: &'a Catalogue) -> Self {
        Self { catalogue, problems: Vec::new() }
    }

    /// The labels of the series of a vector, or none for a number or a text.
    pub fn labels(&mut self, expr: &Expr) -> Option<Labels> {
        match expr {
            Expr::VectorSelector(selector) => Some(self.selector(selector)),
            Expr::MatrixSelector(matrix) => Some(self.selector(&matrix.vs)),
            Expr::Aggregate(aggregate) => Some(self.aggregate(aggregate)),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Call(call) => self.call(call),
            Expr::Paren(paren) => self.labels(&paren.expr),
            Expr::Unary(unary) => self.labels(&unary.expr),
            Expr::Subquery(subquery) => self.labels(&subquery.expr),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => None,
        }
    }

    fn selector(&mut self, selector: &VectorSelector) -> Labels {
        let Some(name) = &selector.name else {
            self.problems.push("a selector without a metric's name".to_owned());
            return Labels::new();
        };
        let Some(labels) = self.catalogue.labels_of(name) else {
            self.problems.push(format!("nobody emits {name}"));
            return Labels::new();
        };
        for matcher in selector.matchers.matchers.iter().filter(|matcher| matcher.name != METRIC_NAME) {
            if labels.contains(&matcher.name) {
                self.value(matcher);
            } else {
                self.problems.push(format!("{name} has no label {}", matcher.name));
            }
        }
        labels.clone()
    }

    /// Some labels have values from a list, too.
    fn value(&mut self, matcher: &Matcher) {
        let is_known: &dyn Fn(&str) -> bool = match matcher.name.as_str() {
            "span_name" => &|name| span_name::ALL.iter().any(|span| span.name == name),
            "job" | "service_name" => &|job| self.catalogue.jobs.contains(job),
            _ => return,
        };
        let wrong = match &matcher.op {
            MatchOp::Equal | MatchOp::NotEqual if !is_known(&matcher.value) => vec![matcher.value.clone()],
            MatchOp::Re(_) | MatchOp::NotRe(_) => {
                // A pattern that is more than a list of names is nothing that can be looked up.
                let names = matcher.value.split('|').filter(|name| !name.contains(['.', '*', '+', '[', '(']));
                names.filter(|name| !is_known(name)).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        for value in wrong {
            self.problems.push(format!("there is no {} {value}", matcher.name));
        }
    }

    fn aggregate(&mut self, aggregate: &AggregateExpr) -> Labels {
        let labels = self.labels(&aggregate.expr).unwrap_or_default();
        // These choose among series, which keep their labels.
        if ["topk", "bottomk", "limitk"].contains(&aggregate.op.to_string().as_str()) {
            return labels;
        }
        match &aggregate.modifier {
            None => Labels::new(),
            Some(modifier) => self.modified(&labels, modifier, "grouped by"),
        }
    }

    fn modified(&mut self, labels: &Labels, modifier: &LabelModifier, verb: &str) -> Labels {
        let named = &modifier.labels().labels;
        for label in named.iter().filter(|label| !labels.contains(*label)) {
            self.problems.push(format!("{verb} {label}, which is not among {labels:?}"));
        }
        if modifier.is_include() {
            labels.iter().filter(|label| named.contains(label)).cloned().collect()
        } else {
            labels.iter().filter(|label| !named.contains(label)).cloned().collect()
        }
    }

    fn binary(&mut self, binary: &BinaryExpr) -> Option<Labels> {
        let (left, right) = (self.labels(&binary.lhs), self.labels(&binary.rhs));
        let (Some(left), Some(right)) = (left.clone(), right.clone()) else { return left.or(right) };
        let modifier = binary.modifier.as_ref();
        let matching = modifier.and_then(|modifier| modifier.matching.as_ref());
        let (keys, others) = match matching {
            Some(matching) => {
                (self.modified(&left, matching, "matched on"), self.modified(&right, matching, "matched on"))
            }
            None => (left.clone(), right.clone()),
        };
        let op = binary.op.to_string();
        // `or` keeps what does not match.
        if keys != others && op != "or" {
            self.problems.push(format!("{keys:?} never match {others:?}"));
        }
        Some(match modifier.map(|modifier| &modifier.card) {
            _ if op == "or" => left.union(&right).cloned().collect(),
            _ if op == "and" || op == "unless" => left,
            Some(VectorMatchCardinality::ManyToOne(more)) => {
                left.into_iter().chain(more.labels.clone()).collect()
            }
            Some(VectorMatchCardinality::OneToMany(more)) => {
                right.into_iter().chain(more.labels.clone()).collect()
            }
            _ if matching.is_some_and(LabelModifier::is_include) => keys,
            _ => left,
        })
    }

    fn call(&mut self, call: &Call) -> Option<Labels> {
        let vectors: Vec<Labels> = call.args.args.iter().filter_map(|arg| self.labels(arg)).collect();
        let mut labels = vectors.into_iter().next();
        match call.func.name {
            "time" | "scalar" | "pi" => return None,
            "vector" => return Some(Labels::new()),
            "histogram_quantile" if !labels.as_mut().is_some_and(|labels| labels.remove("le")) => {
                self.problems.push("a quantile of what has no label le".to_owned());
            }
            _ => {}
        }
        labels
    }
}
