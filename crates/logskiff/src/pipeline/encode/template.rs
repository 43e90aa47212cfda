//! Templates with `{name}` placeholders: parsed once, rendered for a file or a record.

use std::fmt;
use std::str::FromStr;

/// A placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The pod's namespace.
    Namespace,
    /// The pod's name.
    Pod,
    /// The node's name.
    Node,
    /// The application's container.
    Container,
    /// The input's name.
    Input,
    /// The file's base name.
    File,
    /// A label of the pod.
    Label(String),
    /// A redacted top-level field of the record.
    Field(String),
    /// The record's event id.
    Id,
    /// The record's first byte in its file.
    Offset,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Literal text.
    Text(String),
    /// A placeholder with its default, which is used if the value is missing or empty.
    Place(Place, Option<String>),
}

/// A text with placeholders, such as `logs-{namespace}-{label.app:unknown}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(pub Vec<Part>);

/// An invalid template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace has no partner; its byte position.
    #[error("unbalanced brace at byte {0}")]
    Brace(usize),
    /// An unknown placeholder.
    #[error(
        "unknown placeholder {{{0}}}; use namespace, pod, node, container, input, file, label.KEY, field.NAME, and in \
         keys and headers id, offset"
    )]
    Place(String),
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let brace = rest.find(['{', '}']).unwrap_or(rest.len());
            if brace > 0 {
                parts.push(Part::Text(rest[..brace].to_owned()));
                at += brace;
                continue;
            }
            let close = rest.find('}').filter(|close| *close > 0).ok_or(TemplateError::Brace(at))?;
            let (name, default) = match rest[1..close].split_once(':') {
                Some((name, default)) => (name, Some(default.to_owned())),
                None => (&rest[1..close], None),
            };
            parts.push(Part::Place(place(name)?, default));
            at += close + 1;
        }
        Ok(Self(parts))
    }
}

impl Template {
    /// Whether the text depends on the record.
    #[must_use]
    pub fn by_record(&self) -> bool {
        let is = |part: &Part| matches!(part, Part::Place(Place::Field(_) | Place::Id | Place::Offset, _));
        self.0.iter().any(is)
    }

    /// Whether its value is the same for all records of the pod: it has no other placeholders than the pod's own.
    #[must_use]
    pub fn is_of_pod(&self) -> bool {
        let is = |part: &Part| match part {
            Part::Text(_) => true,
            Part::Place(place, _) => {
                matches!(place, Place::Namespace | Place::Pod | Place::Node | Place::Container)
            }
        };
        self.0.iter().all(is)
    }

    /// The first placeholder that has another value for each record, if there is one: `id` or `offset`.
    #[must_use]
    pub fn unique(&self) -> Option<&'static str> {
        self.0.iter().find_map(|part| match part {
            Part::Place(Place::Id, _) => Some("id"),
            Part::Place(Place::Offset, _) => Some("offset"),
            _ => None,
        })
    }

    /// Renders the template; `known` returns the value of a placeholder, if any.
    pub fn render(&self, mut known: impl FnMut(&Place) -> Option<String>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Place(place, default) => {
                    let found = known(place).filter(|found| !found.is_empty());
                    text.push_str(found.as_deref().or(default.as_deref()).unwrap_or_default());
                }
            }
        }
        text
    }
}

fn place(name: &str) -> Result<Place, TemplateError> {
    Ok(match name {
        "namespace" => Place::Namespace,
        "pod" => Place::Pod,
        "node" => Place::Node,
        "container" => Place::Container,
        "input" => Place::Input,
        "file" => Place::File,
        "id" => Place::Id,
        "offset" => Place::Offset,
        _ => match name.split_once('.') {
            Some(("label", key)) if !key.is_empty() => Place::Label(key.to_owned()),
            Some(("field", key)) if !key.is_empty() => Place::Field(key.to_owned()),
            _ => return Err(TemplateError::Place(name.to_owned())),
        },
    })
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Place(place, default) => {
                    match place {
                        Place::Namespace => f.write_str("{namespace")?,
                        Place::Pod => f.write_str("{pod")?,
                        Place::Node => f.write_str("{node")?,
                        Place::Container => f.write_str("{container")?,
                        Place::Input => f.write_str("{input")?,
                        Place::File => f.write_str("{file")?,
                        Place::Label(key) => write!(f, "{{label.{key}")?,
                        Place::Field(key) => write!(f, "{{field.{key}")?,
                        Place::Id => f.write_str("{id")?,
                        Place::Offset => f.write_str("{offset")?,
                    }
                    if let Some(default) = default {
                        write!(f, ":{default}")?;
                    }
                    f.write_str("}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_have_values_or_defaults() {
        #[track_caller]
        fn check(template: &str, want: &str) {
            let template: Template = template.parse().unwrap();
            let known = |place: &Place| match place {
                Place::Pod => Some("shop-1".to_owned()),
                Place::Label(key) if key == "app" => Some("shop".to_owned()),
                Place::Namespace => Some(String::new()),
                Place::Offset => Some("12".to_owned()),
                _ => None,
            };
            assert_eq!(template.render(known), want);
            assert_eq!(template.to_string().parse::<Template>().unwrap(), template, "reads back as written");
        }
        check("logs", "logs");
        check("logs-{pod}", "logs-shop-1");
        check("{label.app:none}.{label.team:none}", "shop.none");
        check("{namespace:default}{node}", "default");
        check("{id:none}@{offset}", "none@12");
        check("{field.tenant:x}{label.app.kubernetes.io/name:y:z}", "xy:z");
    }

    #[test]
    fn invalid_templates_report_the_reason() {
        #[track_caller]
        fn check(template: &str, want: &TemplateError) {
            assert_eq!(&template.parse::<Template>().unwrap_err(), want);
        }
        check("a{pod", &TemplateError::Brace(1));
        check("a}", &TemplateError::Brace(1));
        check("{}", &TemplateError::Place(String::new()));
        check("{host}", &TemplateError::Place("host".into()));
        check("{label.}", &TemplateError::Place("label.".into()));
    }
}
