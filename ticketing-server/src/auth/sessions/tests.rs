use tempfile::TempDir;
use ticketing_core::testing::ManualClock;

use super::*;
use crate::auth::sqlite::SqliteAccounts;
use crate::auth::testing::FlakyStore;

const KEYS: &str = "a:0123456789abcdef0123456789abcdef";
const DAY: Duration = Duration::from_hours(24);

/// Two processes over one store, each with its own connection to it.
struct World {
    _folder: TempDir,
    clock: ManualClock,
    store: Arc<dyn AccountStore>,
    connection: Arc<FlakyStore>,
    here: Sessions,
    there: Sessions,
    account: Account,
}

impl World {
    async fn new(stale_after: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_000));
        let store = SqliteAccounts::open(folder.path().join("accounts.db")).await.unwrap();
        let store: Arc<dyn AccountStore> = Arc::new(store);
        let account = Account {
            id: UserId::new("ada").unwrap(),
            email: "ada@example.org".parse().unwrap(),
            password: String::new().into(),
            credentials: 0,
            created_at: clock.now(),
        };
        store.add_account(&account).await.unwrap();
        let connection = Arc::new(FlakyStore::over(Arc::clone(&store)));
        let policy = SessionPolicy { lifetime: 14 * DAY, idle: 7 * DAY, stale_after };
        let start = |store: Arc<dyn AccountStore>| {
            let tokens = Tokens::new(&KEYS.parse().unwrap());
            Sessions::start(store, tokens, Arc::new(clock.clone()), policy)
        };
        let here = start(Arc::<FlakyStore>::clone(&connection)).await.unwrap();
        let there = start(Arc::clone(&store)).await.unwrap();
        Self { _folder: folder, clock: clock.clone(), store, connection, here, there, account }
    }

    async fn open(&self) -> String {
        use secrecy::ExposeSecret;
        let opened = self.here.open(&self.account, None).await.unwrap();
        opened.token.expose_secret().to_owned()
    }

    fn session_of(&self, token: &str) -> SessionId {
        self.there.known(token).unwrap().session
    }
}

fn is_known(sessions: &Sessions, token: &str) -> bool {
    sessions.known(token).is_some()
}

const NEVER: Duration = Duration::from_hours(1);

#[tokio::test]
async fn what_ends_here_ends_there_with_the_next_look() {
    let world = World::new(NEVER).await;
    let token = world.open().await;
    assert!(is_known(&world.there, &token));
    world.here.end(world.session_of(&token)).await;
    assert!(!is_known(&world.here, &token));
    assert!(is_known(&world.there, &token), "it has not looked yet");
    world.there.step().await.unwrap();
    assert!(!is_known(&world.there, &token));
}

#[tokio::test]
async fn a_process_that_starts_knows_what_ended_before() {
    let world = World::new(NEVER).await;
    let token = world.open().await;
    world.here.end(world.session_of(&token)).await;
    let tokens = Tokens::new(&KEYS.parse().unwrap());
    let clock = Arc::new(world.clock.clone());
    let policy = world.here.0.policy;
    let store = Arc::clone(&world.store);
    let new = Sessions::start(store, tokens, clock, policy).await.unwrap();
    assert!(!is_known(&new, &token));
}

#[tokio::test]
async fn without_the_store_reading_goes_on_and_changing_does_not() {
    let world = World::new(Duration::ZERO).await;
    let token = world.open().await;
    world.connection.set_down(true);
    assert!(world.here.step().await.is_err());
    assert!(is_known(&world.here, &token));
    let unsure = world.here.certain(&token).await;
    assert!(matches!(unsure, Err(StoreError::Unavailable { .. })), "{unsure:?}");
    // Nobody's token stays nobody's, which takes no store to tell.
    assert_eq!(world.here.certain("forged").await.unwrap(), None);
}

#[tokio::test]
async fn a_stale_process_asks_before_anything_changes() {
    let world = World::new(Duration::ZERO).await;
    let (kept, lost) = (world.open().await, world.open().await);
    world.there.end(world.session_of(&lost)).await;
    assert!(world.here.certain(&kept).await.unwrap().is_some());
    assert!(is_known(&world.here, &lost), "it has not looked yet");
    assert_eq!(world.here.certain(&lost).await.unwrap(), None);
}

#[tokio::test]
async fn a_fresh_process_does_not_ask() {
    let world = World::new(NEVER).await;
    let token = world.open().await;
    world.connection.set_down(true);
    assert!(world.here.certain(&token).await.unwrap().is_some());
}

#[test]
fn knowledge_is_as_old_as_the_last_question_that_was_answered() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut ended = Ended::new(start);
    assert_eq!(ended.age(after(6)), Duration::from_secs(6));
    let some = |more| crate::auth::store::Revocations { more, ..Default::default() };
    ended.read(&some(true), after(6));
    assert_eq!(ended.age(after(7)), Duration::from_secs(7), "there was more to read");
    ended.read(&some(false), after(6));
    assert_eq!(ended.age(after(7)), Duration::from_secs(1));
}

#[tokio::test]
async fn a_sign_out_that_could_not_be_written_is_written_later() {
    let world = World::new(NEVER).await;
    let token = world.open().await;
    let id = world.session_of(&token);
    world.connection.set_down(true);
    world.here.end(id).await;
    assert!(!is_known(&world.here, &token));
    for _ in 0..3 {
        assert!(world.here.step().await.is_err());
        assert_eq!(world.here.owed(), 1);
    }
    world.connection.set_down(false);
    world.here.step().await.unwrap();
    assert_eq!(world.here.owed(), 0);
    assert!(world.store.session(id).await.unwrap().unwrap().revoked_at.is_some());
    world.there.step().await.unwrap();
    assert!(!is_known(&world.there, &token));
}

#[tokio::test]
async fn many_sign_outs_at_once_do_not_keep_others_from_being_heard() {
    let world = World::new(NEVER).await;
    let elsewhere = world.open().await;
    world.connection.set_down(true);
    for _ in 0..1_000 {
        world.here.end(SessionId::random()).await;
    }
    world.connection.set_down(false);
    world.there.end(world.session_of(&elsewhere)).await;
    world.here.step().await.unwrap();
    assert!(!is_known(&world.here, &elsewhere));
    assert!((1..1_000).contains(&world.here.owed()), "{}", world.here.owed());
    while world.here.owed() > 0 {
        world.here.step().await.unwrap();
    }
}

#[tokio::test]
async fn a_sign_out_is_owed_no_longer_than_its_token_is_good() {
    let world = World::new(NEVER).await;
    let token = world.open().await;
    world.connection.set_down(true);
    world.here.end(world.session_of(&token)).await;
    world.clock.advance(14 * DAY);
    world.here.step().await.unwrap_err();
    assert_eq!(world.here.owed(), 0);
}

/// Ends as a process does that is told to: `stop` is cancelled from the beginning.
async fn run_to_its_end(sessions: &Sessions) {
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    sessions.clone().run(stop).await;
}

#[tokio::test]
async fn stopping_writes_down_the_sign_outs_that_are_owed() {
    let world = World::new(NEVER).await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(world.open().await);
    }
    let ids: Vec<SessionId> = tokens.iter().map(|token| world.session_of(token)).collect();
    world.connection.set_down(true);
    for id in &ids {
        world.here.end(*id).await;
    }
    // Nobody waits for a store that does not answer.
    run_to_its_end(&world.here).await;
    assert_eq!(world.here.owed(), 2);
    world.connection.set_down(false);
    run_to_its_end(&world.here).await;
    for id in ids {
        assert!(world.store.session(id).await.unwrap().unwrap().revoked_at.is_some());
    }
}

#[tokio::test]
async fn sessions_end_by_themselves() {
    let world = World::new(NEVER).await;
    let (used, idle) = (world.open().await, world.open().await);
    world.clock.advance(6 * DAY);
    world.here.step().await.unwrap();
    // Both were looked at just now, by another process that notes only one of them.
    assert!(is_known(&world.here, &used));
    world.here.tidy().await.unwrap();
    world.clock.advance(2 * DAY);
    world.here.tidy().await.unwrap();
    assert!(is_known(&world.here, &used));
    assert!(!is_known(&world.here, &idle));
    world.there.step().await.unwrap();
    assert!(!is_known(&world.there, &idle));
    // However often it is used, it ends.
    world.clock.advance(6 * DAY);
    assert!(!is_known(&world.here, &used));
}

#[tokio::test]
async fn what_expired_is_not_remembered() {
    let world = World::new(NEVER).await;
    let token = world.open().await;
    let id = world.session_of(&token);
    world.here.end(id).await;
    world.here.tidy().await.unwrap();
    assert!(world.here.ended(|ended| ended.contains(id)));
    world.clock.advance(15 * DAY);
    world.here.tidy().await.unwrap();
    assert!(!world.here.ended(|ended| ended.contains(id)));
    assert_eq!(world.store.session(id).await.unwrap(), None);
}

#[tokio::test]
async fn stopping_writes_down_what_is_known() {
    let world = World::new(NEVER).await;
    let token = world.open().await;
    let id = world.session_of(&token);
    world.clock.advance(DAY);
    assert!(is_known(&world.here, &token));
    run_to_its_end(&world.here).await;
    let session = world.store.session(id).await.unwrap().unwrap();
    assert_eq!(session.last_seen_at, world.clock.now());
}
