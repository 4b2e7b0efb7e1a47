//! Which sealing keys a store needs, and how what it keeps gets from one key to the next while it is in use.
//!
//! A key is written down (`seal_keys`) before anything is sealed under it, with a text that only it opens, and leaves when nothing is under
//! it any more. So a process that lacks a key learns so when it starts, and an operator learns when an old key may go.

use async_trait::async_trait;

use super::{
    StoreError,
    sealed::{SEALED, SealedColumn},
};
use crate::seal::{KeyId, KeyedHash, Ring, SealedUnder, Sealer};

/// Rows of one step of sealing anew: few, since others want to write meanwhile.
pub(super) const PAGE: usize = 200;
const KEY_CHECK: [&str; 1] = ["key check"];
const HASH_KEY: [&str; 1] = ["hash key"];
const KNOWN: &[u8] = b"sangam";

/// Where sealing anew has come to. The default is the beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResealCursor {
    column: usize,
    after: Option<Vec<String>>,
}

/// What one step of sealing anew did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Values that are under the current key now.
    pub changed: u64,
    /// Values that cannot be sealed anew: they go by themselves on their date, or they cannot be opened.
    pub left: u64,
}

/// How many values are under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// The key; `None` is the one of the time before keys had ids.
    pub key: Option<KeyId>,
    /// `table.column`.
    pub column: String,
    /// How many.
    pub values: u64,
}

/// A key that something kept may be under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededKey {
    /// Its id.
    pub id: KeyId,
    /// A known text under it.
    pub(super) sealed: Vec<u8>,
    /// Whether what was sealed before keys had ids is under it.
    pub unnamed: bool,
}

/// See the module.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// The hash of all look-ups and ids. It is the same whatever the sealing keys are.
    fn keyed_hash(&self) -> KeyedHash;
    /// Takes the keys of a ring from now on, and writes its current key down; refuses a ring that lacks a key which is needed.
    async fn take_keys(&self, ring: Ring) -> Result<(), StoreError>;
    /// The keys that something kept may be under.
    async fn needed_keys(&self) -> Result<Vec<NeededKey>, StoreError>;
    /// One step of sealing everything anew under the current key, and where the next one begins; `None` at the end.
    async fn reseal(&self, from: ResealCursor) -> Result<(Resealed, Option<ResealCursor>), StoreError>;
    /// Counts what is under which key. It reads every row.
    async fn key_uses(&self) -> Result<Vec<KeyUse>, StoreError>;
    /// Strikes off the keys that nothing is under any more, and answers which.
    async fn retire_keys(&self) -> Result<Vec<KeyId>, StoreError>;
}

/// What an operator reads of the keys: each on one line, apart by tabs, with its id, what it is to this process, how much is under it, and where.
pub async fn report(store: &dyn KeyStore, held: &[KeyId]) -> Result<Vec<String>, StoreError> {
    let (needed, uses) = (store.needed_keys().await?, store.key_uses().await?);
    let mut ids: Vec<Option<KeyId>> = held.iter().copied().chain(needed.iter().map(|key| key.id)).map(Some).collect();
    ids.extend(uses.iter().map(|used| used.key));
    let mut lines = Vec::new();
    for (at, id) in ids.iter().enumerate().filter(|(at, id)| !ids.iter().take(*at).any(|before| before == *id)) {
        let own: Vec<&KeyUse> = uses.iter().filter(|used| used.key == *id).collect();
        let values: u64 = own.iter().map(|used| used.values).sum();
        let role = match id {
            None => "from before keys had ids",
            Some(_) if at == 0 => "current",
            Some(id) if values == 0 && !needed.iter().any(|key| key.id == *id) => "not needed any more",
            Some(_) => "previous, still needed",
        };
        let name = id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let places: Vec<String> = own.iter().map(|used| format!("{} {}", used.column, used.values)).collect();
        lines.push(format!("{name}\t{role}\tvalues {values}\t{}", places.join(", ")));
    }
    Ok(lines)
}

/// A row as a step finds it: the texts of keys and facts, and the beginning of its value.
pub(super) type Row = (Vec<String>, Option<Vec<u8>>);

/// What a database does for this module.
#[async_trait]
pub(super) trait KeyTables: Send + Sync {
    async fn needed(&self) -> Result<Vec<NeededKey>, StoreError>;
    /// Writes a key down, if it does not stand there.
    async fn need(&self, key: &NeededKey) -> Result<(), StoreError>;
    async fn set_named(&self, id: KeyId) -> Result<(), StoreError>;
    async fn strike(&self, id: KeyId) -> Result<(), StoreError>;
    /// The one row of a table, which is written if there is none.
    async fn only(&self, table: OnlyRow, otherwise: Option<&[u8]>) -> Result<Option<Vec<u8>>, StoreError>;
    async fn page(&self, column: &SealedColumn, after: Option<&[String]>) -> Result<Vec<Row>, StoreError>;
    /// Seals the rows with these keys anew; answers how many.
    async fn swap(
        &self,
        column: &SealedColumn,
        rows: &[(Vec<String>, Vec<String>)],
        sealer: &Sealer,
    ) -> Result<Resealed, StoreError>;
    async fn heads(&self, column: &SealedColumn) -> Result<Vec<(Vec<u8>, i64)>, StoreError>;
}

/// The tables of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnlyRow {
    KeyCheck,
    HashKey,
}

fn missing(needed: &[NeededKey], ring: &Ring) -> Result<(), StoreError> {
    let held = ring.ids();
    match needed.iter().find(|key| !held.contains(&key.id)) {
        Some(key) => Err(StoreError::MissingKey(key.id)),
        None => Ok(()),
    }
}

fn known(id: KeyId) -> [String; 2] {
    ["seal key".to_owned(), id.to_string()]
}

fn other_key() -> StoreError {
    StoreError::Unreadable("sealed under another key, or damaged")
}

/// Makes sure that the keys fit the store before anything is read or written, and answers its hash.
pub(super) async fn begin(tables: &impl KeyTables, sealer: &Sealer) -> Result<KeyedHash, StoreError> {
    let ring = sealer.ring().ok_or_else(other_key)?;
    let needed = tables.needed().await?;
    missing(&needed, &ring)?;
    for key in &needed {
        let place = known(key.id);
        sealer.open(&place.each_ref().map(String::as_str), &key.sealed)?;
    }
    let check = tables.only(OnlyRow::KeyCheck, Some(&sealer.seal(&KEY_CHECK, KNOWN)?)).await?.ok_or_else(other_key)?;
    let owner = sealer.opened_by(&KEY_CHECK, &check).ok_or_else(other_key)?;
    if needed.is_empty() {
        // A new store, or one from before keys had ids: this key is the only one that anything can be under.
        let unnamed = Sealer::sealed_under(&check) == Some(SealedUnder::Unnamed);
        let sealed = seal_known(sealer, owner, &ring)?;
        tables.need(&NeededKey { id: owner, sealed, unnamed }).await?;
    }
    need_current(tables, sealer).await?;
    let kept = match tables.only(OnlyRow::HashKey, None).await? {
        Some(kept) => Some(kept),
        // Made from the key that the store began with, so that ids and hashes from before stay what they are.
        None => {
            let first = ring.first_hash(owner).ok_or_else(other_key)?;
            tables.only(OnlyRow::HashKey, Some(&sealer.seal(&HASH_KEY, &first)?)).await?
        }
    };
    let key = zeroize::Zeroizing::new(sealer.open(&HASH_KEY, &kept.ok_or_else(other_key)?)?);
    Ok(KeyedHash::new(&key))
}

/// The known text under a key of the ring, whichever is current.
fn seal_known(sealer: &Sealer, id: KeyId, ring: &Ring) -> Result<Vec<u8>, StoreError> {
    let place = known(id);
    Ok(sealer.seal_under(ring, id, &place.each_ref().map(String::as_str), KNOWN)?)
}

async fn need_current(tables: &impl KeyTables, sealer: &Sealer) -> Result<(), StoreError> {
    let ring = sealer.ring().ok_or_else(other_key)?;
    let Some(id) = ring.ids().first().copied() else { return Ok(()) };
    let sealed = seal_known(sealer, id, &ring)?;
    tables.need(&NeededKey { id, sealed, unnamed: false }).await
}

/// See [`KeyStore::take_keys`].
pub(super) async fn take(tables: &impl KeyTables, sealer: &Sealer, ring: Ring) -> Result<(), StoreError> {
    missing(&tables.needed().await?, &ring)?;
    // Written down first: nothing is ever under a key that does not stand there.
    if let Some(id) = ring.ids().first().copied() {
        let sealed = seal_known(sealer, id, &ring)?;
        tables.need(&NeededKey { id, sealed, unnamed: false }).await?;
    }
    sealer.replace(ring);
    Ok(())
}

/// See [`KeyStore::reseal`].
pub(super) async fn reseal(
    tables: &impl KeyTables,
    sealer: &Sealer,
    from: ResealCursor,
) -> Result<(Resealed, Option<ResealCursor>), StoreError> {
    let Some(column) = SEALED.get(from.column) else { return Ok((Resealed::default(), None)) };
    let current = sealer.ring().and_then(|ring| ring.ids().first().copied());
    let rows = tables.page(column, from.after.as_deref()).await?;
    let next = match rows.last() {
        Some((told, _)) if rows.len() == PAGE => {
            ResealCursor { column: from.column, after: Some(told.iter().take(column.keys.len()).cloned().collect()) }
        }
        _ => ResealCursor { column: from.column + 1, after: None },
    };
    let (mut old, mut left) = (Vec::new(), 0);
    for (told, head) in rows {
        let Some(head) = head else { continue };
        let Some(under) = Sealer::sealed_under(&head) else {
            left += 1;
            continue;
        };
        if under == SealedUnder::Item || current.is_some_and(|id| under == SealedUnder::Key(id)) {
            continue;
        }
        match column.place(&told, under) {
            Some(place) => old.push((told.into_iter().take(column.keys.len()).collect::<Vec<_>>(), place)),
            None => left += 1,
        }
    }
    let mut done = if old.is_empty() { Resealed::default() } else { tables.swap(column, &old, sealer).await? };
    done.left += left;
    Ok((done, (next.column < SEALED.len()).then_some(next)))
}

/// See [`KeyStore::key_uses`].
pub(super) async fn uses(tables: &impl KeyTables) -> Result<Vec<KeyUse>, StoreError> {
    let mut uses = Vec::new();
    for column in SEALED {
        for (head, count) in tables.heads(column).await? {
            let key = match Sealer::sealed_under(&head) {
                Some(SealedUnder::Key(id)) => Some(id),
                Some(SealedUnder::Unnamed) => None,
                Some(SealedUnder::Item) | None => continue,
            };
            let column = format!("{}.{}", column.table, column.column);
            uses.push(KeyUse { key, column, values: u64::try_from(count).unwrap_or_default() });
        }
    }
    Ok(uses)
}

/// See [`KeyStore::retire_keys`].
pub(super) async fn retire(tables: &impl KeyTables, sealer: &Sealer) -> Result<Vec<KeyId>, StoreError> {
    let current = sealer.ring().and_then(|ring| ring.ids().first().copied());
    let needed = tables.needed().await?;
    let idle = |key: &NeededKey| Some(key.id) == current && !key.unnamed;
    if needed.iter().all(idle) {
        return Ok(Vec::new());
    }
    let uses = uses(tables).await?;
    let used = |id: Option<KeyId>| uses.iter().any(|one| one.key == id);
    let mut retired = Vec::new();
    for key in needed {
        if key.unnamed && used(None) {
            continue;
        }
        if Some(key.id) == current {
            if key.unnamed {
                tables.set_named(key.id).await?;
            }
        } else if !used(Some(key.id)) {
            tables.strike(key.id).await?;
            retired.push(key.id);
        }
    }
    Ok(retired)
}
