//! The page of the console: a frame that is the same for everybody and holds nothing.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_an_empty_frame_that_loads_only_files_of_ours() {
    let app = TestApp::start().await;
    let client = app.client();
    let answer = client.get("/moderation/").await;
    let policy = answer.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let console = page(&client, "/moderation/").await;
    assert!(console.contains("noindex") && console.contains("<pledges-console><p>The console needs JavaScript."));
    assert!(!console.contains("defend"), "no campaign is named to who isn't signed in");
    let files: Vec<_> = addresses(&console).into_iter().filter(|path| path.starts_with("/assets/")).collect();
    for part in ["console.", "console-search.", "console-switches.", "console-en.", "formats."] {
        assert!(files.iter().any(|path| path.starts_with(&format!("/assets/{part}"))), "{part} is loaded at once");
    }
    for path in files {
        assert_eq!(client.get(&path).await.status.as_u16(), 200, "{path}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_without_the_slash_leads_there() {
    let app = TestApp::start().await;
    let request = app.client().request(Method::GET, "/moderation");
    let answer = app.client().send(request).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (308, "/moderation/"));
    app.stop().await;
}
