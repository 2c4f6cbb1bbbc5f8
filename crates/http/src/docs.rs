//! `/openapi.json`, and `/docs`: the same as a page that needs neither scripts nor the internet.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use serde_json::Value;

use crate::openapi::openapi_json;
use crate::router::App;

/// Made once, at the first look.
static JSON: LazyLock<String> = LazyLock::new(openapi_json);
static PAGE: LazyLock<String> = LazyLock::new(|| page(&serde_json::from_str(&JSON).unwrap_or_default()));

pub(crate) const STYLE: &str = ":root{color-scheme:light dark;background:Canvas;color:CanvasText}\
    body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}code,pre{font-family:ui-monospace,monospace}h2{margin-top:2.5rem}\
    section{border-top:1px solid #8886;padding:.5rem 0}table{border-collapse:collapse}\
    td,th{text-align:left;vertical-align:top;padding:.15rem 1rem .15rem 0}";

/// The two documents.
pub(crate) fn router() -> Router<App> {
    let page_headers = [(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    )];
    Router::new()
        .route(
            "/openapi.json",
            get(|| async { ([(header::CONTENT_TYPE, "application/json")], JSON.as_str()).into_response() }),
        )
        .route("/docs", get(move || async move { (page_headers, Html(PAGE.as_str())).into_response() }))
}

fn page(document: &Value) -> String {
    let title = text(&document["info"]["title"]);
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title} API</title><style>{STYLE}</style><main><h1>{title} API {}</h1>\
         <p>{}</p><p>The same for machines: <a href=\"/openapi.json\">openapi.json</a></p><h2>Operations</h2>",
        text(&document["info"]["version"]),
        text(&document["info"]["description"]),
    );
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            if operation.is_object() && operation.get("operationId").is_some() {
                operation_section(&mut page, path, method, operation);
            }
        }
    }
    page.push_str("<h2>Models</h2>");
    for (name, schema) in members(&document["components"]["schemas"]) {
        schema_section(&mut page, name, schema);
    }
    page.push_str("</main></html>");
    page
}

fn operation_section(page: &mut String, path: &str, method: &str, operation: &Value) {
    let id = text(&operation["operationId"]);
    let summary = format!("{} {}", text(&operation["summary"]), text(&operation["description"]));
    let (method, path) = (method.to_uppercase(), escape(path));
    // Writing to a string does not fail.
    let _ = write!(
        page,
        "<section id=\"{id}\"><h3><code>{method} {path}</code> {id}</h3><p>{summary}</p><table>"
    );
    if let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") {
        let _ = write!(page, "<tr><th>body</th><td>{}</td></tr>", kind(body));
    }
    for (status, answer) in members(&operation["responses"]) {
        if answer.get("$ref").is_some() {
            continue;
        }
        let schema = answer["content"].as_object().and_then(|content| content.values().next());
        let model = schema.map(|content| kind(&content["schema"])).unwrap_or_default();
        let _ = write!(page, "<tr><th>{status}</th><td>{} {model}</td></tr>", text(&answer["description"]));
    }
    page.push_str("</table></section>");
}

fn schema_section(page: &mut String, name: &str, schema: &Value) {
    let _ = write!(
        page,
        "<section id=\"model-{name}\"><h3>{name}</h3><p>{}</p><table>",
        text(&schema["description"])
    );
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (member, about) in members(&schema["properties"]) {
        let mark = if required.contains(&member.as_str()) { " (required)" } else { "" };
        let (member, description) = (escape(member), text(&about["description"]));
        let _ = write!(
            page,
            "<tr><th><code>{member}</code></th><td>{}{mark}</td><td>{description}</td></tr>",
            kind(about)
        );
    }
    page.push_str("</table></section>");
}

/// A schema in a word or two, linked to its model.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("<a href=\"#model-{name}\">{name}</a>");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(text).collect::<Vec<_>>().join(", ");
    }
    let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(choices) = choices {
        return choices.iter().map(kind).filter(|kind| !kind.is_empty()).collect::<Vec<_>>().join(" or ");
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        other => text(other),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().map(escape).unwrap_or_default()
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
