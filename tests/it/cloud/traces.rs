//! Traces for operators, as a collector of OpenTelemetry gets them: the official definitions read what came.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message;

use super::{Database, World};
use crate::{
    raw::{Raw, Reply},
    steps::wait_until,
};

/// Takes batches at this address, each an OTLP request with its path.
fn collector() -> (String, Receiver<(String, ExportTraceServiceRequest)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, batches) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut first, mut length) = (String::new(), 0);
            stream.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let line = line.trim_end().to_ascii_lowercase();
                if line.is_empty() {
                    break;
                }
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
            let path = first.split(' ').nth(1).unwrap().to_owned();
            if sender.send((path, ExportTraceServiceRequest::decode(body.as_slice()).unwrap())).is_err() {
                return;
            }
        }
    });
    (url, batches)
}

fn said(span: &Span, key: &str) -> String {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key).unwrap();
    match attribute.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_request_is_a_span_in_the_trace_of_its_caller() {
    let (url, batches) = collector();
    let Some(mut world) = World::start(Database::Sqlite, &format!("otlp = \"{url}\"")) else { return };
    let token = world.token("ada").await;
    let request = Raw::at(world.node.url()).request("GET", "/user").bearer_auth(&token);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let reply = Reply::to(request.header("traceparent", parent)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let nonsense = "00-<script>alert(1)</script>-b7ad6b7169203331-01aaaaaaa";
    let request = Raw::at(world.node.url()).request("GET", "/user").header("traceparent", nonsense);
    assert_eq!(Reply::to(request).await.status, 401);
    // What waits is sent at the end.
    world.node.stop();
    let mut spans = Vec::new();
    while let Ok((path, batch)) = batches.recv_timeout(Duration::from_secs(1)) {
        assert_eq!(path, "/v1/traces");
        for resource in batch.resource_spans {
            let service = &resource.resource.as_ref().unwrap().attributes;
            let name = service.iter().find(|attribute| attribute.key == "service.name").unwrap();
            let name = name.value.as_ref().unwrap().value.as_ref().unwrap();
            assert_eq!(*name, Value::StringValue("usher-cloud".into()));
            spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    let [answered, refused] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(answered.name, "GET /user");
    assert_eq!(answered.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes());
    assert_eq!(answered.parent_span_id, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
    assert_eq!(said(answered, "http.response.status_code"), "200");
    assert_eq!(said(answered, "usher.request.id"), reply.header("x-request-id").unwrap());
    assert!(answered.start_time_unix_nano < answered.end_time_unix_nano);
    assert_eq!(said(refused, "http.response.status_code"), "401");
    assert!(refused.parent_span_id.is_empty(), "of a trace of its own: {refused:?}");
    let all = format!("{spans:?}{}", world.node.log());
    assert!(!all.contains(&token) && !all.contains("script"), "{all}");
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_no_trouble_and_said_once() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let Some(mut world) = World::start(Database::Sqlite, &format!("otlp = \"http://{nobody}\"")) else {
        return;
    };
    let token = world.token("ada").await;
    let warned = || world.node.log().matches("traces cannot be sent").count();
    assert_eq!(world.node.get(&token, "/user").await.status, 200);
    wait_until("a batch was tried", Duration::from_secs(20), || warned() == 1);
    assert_eq!(world.node.get(&token, "/user").await.status, 200);
    world.node.stop();
    assert_eq!(world.node.log().matches("traces cannot be sent").count(), 1);
}
